/** Elements of a page, checked to be balanced and quoted as in XML, which every HTML parser reads in the same way. @throws Error at the first that is not. */
export function elementsOf(html: string): { name: string; attributes: Record<string, string> }[] {
  const body = html.replace(/^<!DOCTYPE html>\s*/, "").replace(/<style>[^<]*<\/style>/g, "<style></style>");
  const open: string[] = [];
  const elements: { name: string; attributes: Record<string, string> }[] = [];
  let place = 0;
  const tag = /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z][a-zA-Z0-9:-]*="[^"<]*")*)\s*(\/?)>/y;
  while (place < body.length) {
    const next = body.indexOf("<", place);
    const text = body.slice(place, next === -1 ? undefined : next);
    const stray = /[>]|&(?!amp;|lt;|gt;|quot;|#39;)/.exec(text);
    if (stray !== null)
      throw new Error(`unescaped at ${place + stray.index}: ${text.slice(stray.index, stray.index + 40)}`);
    if (next === -1) break;
    tag.lastIndex = next;
    const found = tag.exec(body);
    if (found === null) throw new Error(`no tag at ${next}: ${body.slice(next, next + 60)}`);
    const [whole, closing, name = "", attributes = "", alone] = found;
    if (closing === "/") {
      const last = open.pop();
      if (last !== name) throw new Error(`</${name}> closes <${last}> at ${next}`);
    } else {
      elements.push({
        name,
        attributes: Object.fromEntries(
          [...attributes.matchAll(/([a-zA-Z][a-zA-Z0-9:-]*)="([^"]*)"/g)].map(([, key, value]) => [
            key,
            value,
          ]),
        ),
      });
      if (alone !== "/") open.push(name);
    }
    place = next + whole.length;
  }
  if (open.length > 0) throw new Error(`not closed: ${open.join(" ")}`);
  return elements;
}

/** What a page would fetch from elsewhere. */
export function externalReferences(html: string): string[] {
  const inElements = elementsOf(html).flatMap(({ name, attributes }) => [
    ...(["script", "link", "img", "iframe", "object", "embed", "base"].includes(name) ? [`<${name}>`] : []),
    ...Object.keys(attributes).filter((attribute) =>
      /^(src|href|srcset|action|data|xlink:href|style|on.*)$/.test(attribute),
    ),
  ]);
  const inStyles = [...html.matchAll(/<style>([^<]*)<\/style>/g)].flatMap(
    ([, style = ""]) => style.match(/url\(|@import|@font-face/g) ?? [],
  );
  return [...inElements, ...inStyles];
}
