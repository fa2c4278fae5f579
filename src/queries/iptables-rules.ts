import { rawShell, type ShellText, sh, shellLines } from "../shell/shell-text.ts";
import { type Answered, defineQuery, known, notKnown } from "./query.ts";

export type IptablesFamily = "ip" | "ip6";
export type IptablesTableName = "filter" | "nat" | "mangle" | "raw";

export interface IptablesQuestion {
  family: IptablesFamily;
  table: IptablesTableName;
  /** undefined: the whole table. */
  chain: string | undefined;
  /** The rule as iptables(8) takes it, after `-A CHAIN`; empty: no rule is meant. */
  rule: readonly string[];
  /** What marks the rule in the kernel. */
  mark: string;
}

export interface IptablesState {
  hasNft: boolean;
  /** undefined: iptables-translate(8) is not installed. */
  translation: { expression: string } | { refusal: string } | undefined;
  /** Rules of the table that Plumb owns, with their chains and handles, as the kernel lists them. */
  rules: readonly { chain: string; text: string; handle: number }[];
  /** Chains of that table, to the policy of those that have one. */
  chains: ReadonlyMap<string, string>;
  /** What the kernel said of the marked rule right after it had been loaded. */
  kept: string | undefined;
}

export const IPTABLES_FOLDER = "/var/lib/plumb/iptables";

export const ownTable = ({
  family,
  table,
}: Pick<IptablesQuestion, "family" | "table">): readonly [IptablesFamily, string] => [
  family,
  `plumb_${table}`,
];

/** The kernel's own listing, and nftables' translation of a rule in iptables' words: nothing is changed. */
export const iptablesRules = defineQuery<IptablesQuestion, IptablesState>({
  name: "iptables-rules",
  identify: (question) => JSON.stringify(question),
  script: (questions) => ({
    script: shellLines(
      rawShell("PATH=$PATH:/usr/sbin:/sbin"),
      ...questions.map((question) => sh`printf '\\0Q\\0'; ${questionScript(question)}`),
      rawShell("exit 0"),
    ),
  }),
  parse: (output, questions) => {
    const parts = output.stdout.toString().split("\0Q\0").slice(1);
    return questions.map((_, index): Answered<IptablesState> => {
      const [programs, translated = "", tables = "", listing = "", kept = ""] = (parts[index] ?? "").split(
        "\0T\0",
      );
      if (programs === undefined || parts[index] === undefined)
        return notKnown(output.stderr.trim() || "no answer");
      if (/^failed$/m.test(tables)) return notKnown(`nft: ${output.stderr.trim()}`);
      return known({
        hasNft: /^nft$/m.test(programs),
        translation: /^translate$/m.test(programs) ? translationOf(translated) : undefined,
        ...listingOf(listing),
        kept: kept === "" ? undefined : kept.trim(),
      });
    });
  },
});

function questionScript(question: IptablesQuestion): ShellText {
  const { family, table, chain, rule, mark } = question;
  const translate = family === "ip" ? "iptables-translate" : "ip6tables-translate";
  const own = ownTable(question);
  return shellLines(
    sh`command -v nft >/dev/null && echo nft; command -v ${translate} >/dev/null && echo translate; printf '\\0T\\0'`,
    rule.length === 0 || chain === undefined
      ? undefined
      : sh`${translate} -t ${table} -A ${chain} ${rule} 2>&1`,
    rawShell(
      "printf '\\0T\\0'; tables=$(nft list tables 2>&1) || { command -v nft >/dev/null && { echo failed; printf '%s\\n' \"$tables\" >&2; }; }; printf '\\0T\\0'",
    ),
    sh`case "$tables" in *${`table ${own.join(" ")}`}*) nft -s -a list table ${own};; esac; printf '\\0T\\0'; [ ! -f ${`${IPTABLES_FOLDER}/${mark}`} ] || cat ${`${IPTABLES_FOLDER}/${mark}`}`,
  );
}

/** `nft 'add rule ip filter INPUT …'` since iptables 1.8.8, without quotes before. */
function translationOf(text: string): IptablesState["translation"] {
  const [, expression] = /^nft '?add rule ip6? \S+ \S+ (.+?)'?$/m.exec(text.trim()) ?? [];
  return expression === undefined || text.includes("nft #") ? { refusal: text.trim() } : { expression };
}

function listingOf(text: string): Pick<IptablesState, "rules" | "chains"> {
  const rules: { chain: string; text: string; handle: number }[] = [];
  const chains = new Map<string, string>();
  let chain = "";
  for (const line of text.split("\n")) {
    const [, name] = /^\tchain (\S+) \{/.exec(line) ?? [];
    const [, rule, handle] = /^\t\t(.*) # handle (\d+)$/.exec(line) ?? [];
    const [, policy] = /^\t\ttype .*; policy (\w+);/.exec(line) ?? [];
    if (name !== undefined) {
      chain = name;
      chains.set(chain, "");
    } else if (policy !== undefined) chains.set(chain, policy);
    else if (rule !== undefined) rules.push({ chain, text: rule.trim(), handle: Number(handle) });
  }
  return { rules, chains };
}
