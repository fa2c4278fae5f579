import { DiagnosticsError } from "../../diagnostics/diagnostic.ts";
import { misspeltGroups } from "../../inventory/optional-groups.ts";
import { hostsMatching } from "../../inventory/pattern.ts";
import { literalOf } from "../../variables/evaluate.ts";
import type { Rule } from "../rule.ts";

/** Plays for hosts that the inventory does not have. */
export const noHostsMatch: Rule = {
  name: "no-hosts-match",
  severity: "warning",
  summary: "a play whose `hosts` match nothing in the inventory",
  why: "The play would do nothing. A group that is there and empty is no mistake, nor is one that `!expr default(groups.web, [])` does without, unless the inventory has one of nearly that name of which the playbook does not speak. Looked at only where the tree has an inventory, or one is named with `-i`.",
  bad: {
    "inventory/hosts.yml": "web:\n  hosts:\n    web1:\n",
    "site.yml": "- name: Web\n  hosts: webs\n  tasks: []\n",
  },
  good: {
    "inventory/hosts.yml": "web:\n  hosts:\n    web1:\n",
    "site.yml": "- name: Web\n  hosts: web\n  tasks: []\n",
  },
  check: ({ playbooks, inventory }) => {
    if (inventory === undefined) return [];
    const own = playbooks.filter(({ isForRole }) => !isForRole);
    const misspelt = own.flatMap(({ plays }) =>
      misspeltGroups(
        plays.map(({ play }) => play),
        inventory,
      ).flatMap(({ at, ...said }) => (at === undefined ? [] : [{ ...said, at }])),
    );
    const missing = own
      .flatMap(({ plays }) => plays)
      .flatMap(({ play }) => {
        const pattern = literalOf(play.hosts);
        const text = Array.isArray(pattern) ? pattern.join(",") : pattern;
        if (typeof text !== "string") return [];
        const at = play.hosts.at ?? play.at;
        try {
          // A group that has no host yet is there for somebody to fill.
          hostsMatching(text, inventory);
          return [];
        } catch (error) {
          if (!(error instanceof DiagnosticsError)) throw error;
          return error.diagnostics.map(({ message, hint }) => ({
            message,
            at,
            ...(hint === undefined ? {} : { hint }),
          }));
        }
      });
    return [...missing, ...misspelt];
  },
};
