import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";

/** What hosts are for. */
const SECTIONS = new Set("admin database editors httpd kernel mail net shells utils vcs".split(" "));

/** What tests install besides: examples in other languages, and words of other languages. A test that names another package adds it here. */
const ALSO = new Set(
  "libdbd-pg-perl libio-socket-ssl-perl locales perl php-cli php-pgsql python3 python3-psycopg python3-psycopg2 python3-sqlalchemy ruby ruby-pg sl".split(
    " ",
  ),
);

const OF_DEBIAN = new Set(["required", "important", "standard"]);

/** A package as apt's list has it (deb-control(5)). */
interface Listed {
  name: string;
  isWanted: boolean;
  /** Names, real and virtual ones, of all alternatives. */
  needs: readonly string[];
  provides: readonly string[];
}

/**
 * Takes out of a layer's lists the three quarters of Debian that no host here ever installs, from games to the libraries of compilers: apt reckons with each package that it has heard of
 * whenever it is asked for anything, a second of a processor each time. What stays are the sections that servers are made of, and all that they depend on or recommend. apt verifies lists when
 * it fetches them, and later takes what is there for current as long as the archive's `InRelease` is the same.
 */
export async function trimLists(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) =>
    /_binary-\w+_Packages$|_Translation-\w+$/.test(name),
  );
  const files = await Promise.all(
    names.map(async (name) => ({ name, text: await readFile(path.join(folder, name), "utf8") })),
  );
  const wanted = wantedNames(files.filter(({ name }) => name.endsWith("_Packages")).map(({ text }) => text));
  for (const { name, text } of files) await writeFile(path.join(folder, name), trimmed(text, wanted));
}

/** What stays of several lists that belong together: an update of a library stays because a package of another list wants the library. */
export function wantedNames(lists: readonly string[]): ReadonlySet<string> {
  const packages = lists.flatMap((list) => paragraphsOf(list).map(listed));
  const providers = new Map<string, Listed[]>();
  for (const one of packages)
    for (const name of [one.name, ...one.provides]) {
      const known = providers.get(name);
      if (known === undefined) providers.set(name, [one]);
      else known.push(one);
    }
  const stay = new Set<Listed>();
  const open = packages.filter(({ isWanted }) => isWanted);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (stay.has(next)) continue;
    stay.add(next);
    for (const name of next.needs) open.push(...(providers.get(name) ?? []));
  }
  return new Set([...stay].map(({ name }) => name));
}

/** A list, of packages or of their descriptions, without those that are not wanted. */
export function trimmed(list: string, wanted: ReadonlySet<string>): string {
  return paragraphsOf(list)
    .filter((one) => wanted.has(fieldOf(one, "Package") ?? ""))
    .map((one) => `${one.trim()}\n\n`)
    .join("");
}

function listed(text: string): Listed {
  const name = fieldOf(text, "Package") ?? "";
  const section = fieldOf(text, "Section") ?? "";
  return {
    name,
    isWanted: SECTIONS.has(section) || ALSO.has(name) || OF_DEBIAN.has(fieldOf(text, "Priority") ?? ""),
    needs: ["Pre-Depends", "Depends", "Recommends"].flatMap((field) => namesIn(fieldOf(text, field))),
    provides: namesIn(fieldOf(text, "Provides")),
  };
}

const paragraphsOf = (list: string): string[] => list.split("\n\n").filter((one) => one.trim() !== "");

function fieldOf(paragraph: string, field: string): string | undefined {
  const from = paragraph.startsWith(`${field}: `) ? 0 : paragraph.indexOf(`\n${field}: `) + 1;
  if (from === 0 && !paragraph.startsWith(`${field}: `)) return undefined;
  const end = paragraph.indexOf("\n", from);
  return paragraph.slice(from + field.length + 2, end === -1 ? undefined : end);
}

/** `a (>= 1), b:any | c` names a, b and c. */
const namesIn = (field = ""): string[] =>
  field
    .split(/[,|]/)
    .map((one) => /^[^\s:(]+/.exec(one.trim())?.[0] ?? "")
    .filter(Boolean);
