/** What the one-line form of a repository says (sources.list(5)). */
export interface RepositoryLine {
  types: ("deb" | "deb-src")[];
  uris: string[];
  suites: string[];
  components: string[];
  architectures: string[] | undefined;
  /** Path of a keyring on the host. */
  signedBy: string | undefined;
  trusted: boolean;
}

const OPTIONS = ["arch", "signed-by", "trusted"];

/** @returns what the line says, or what is wrong with it, in words. */
export function readRepositoryLine(text: string): RepositoryLine | string {
  if (/^ppa:/.test(text.trim()))
    return "must be the whole line: write the address that Launchpad shows for it, and its key";
  const [, type, optionText = "", uri, suite, rest = ""] =
    /^\s*(deb|deb-src)\s+(?:\[([^\]]*)\]\s+)?([a-z+]+:\S+)\s+(\S+)((?:\s+\S+)*)\s*$/.exec(text) ?? [];
  if (type === undefined || uri === undefined || suite === undefined)
    return "must be a line as in sources.list: deb https://deb.example.org/debian bookworm main";
  const options = new Map(
    optionText
      .split(/\s+/)
      .filter(Boolean)
      .map((one) => one.split(/=(.*)/s) as [string, string | undefined]),
  );
  const strange = [...options].find(([name, value]) => !OPTIONS.includes(name) || value === undefined);
  if (strange !== undefined)
    return `has the option \`${strange.join("=")}\`, and only ${OPTIONS.join(", ")} are taken`;
  const components = rest.split(/\s+/).filter(Boolean);
  if (components.length === 0 && !suite.endsWith("/"))
    return "needs a component behind the suite, such as main";
  const signedBy = options.get("signed-by");
  if (signedBy !== undefined && !signedBy.startsWith("/"))
    return "names a key by its fingerprint: `signed-by` must be the path of a keyring on the host";
  return {
    types: type === "deb-src" ? ["deb-src"] : ["deb"],
    uris: [uri],
    suites: [suite],
    components,
    architectures: options.get("arch")?.split(","),
    signedBy,
    trusted: options.get("trusted") === "yes",
  };
}

/** The name of its file, where nobody gave one: from the address, as Ansible makes it. */
export function nameOfRepository(line: RepositoryLine): string {
  const [uri = ""] = line.uris;
  const [suite = ""] = line.suites;
  return `${uri.replace(/^[a-z+]+:\/*/, "").replace(/^[^/@]*@/, "")}_${suite}`
    .replace(/[^A-Za-z0-9-]+/g, "_")
    .replace(/^_+|_+$/g, "");
}
