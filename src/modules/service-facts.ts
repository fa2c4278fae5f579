import { z } from "zod";
import { serviceStates } from "../queries/service-states.ts";
import type { ValueMap } from "../variables/value.ts";
import { defineModule } from "./module.ts";

export const serviceFacts = defineModule<
  Record<string, never>,
  { services: ReturnType<typeof serviceStates> },
  ValueMap
>({
  name: "service_facts",
  summary: "Tells which services there are, as `ansible_facts.services`",
  description:
    "Every service that systemd knows, in memory or as a file, by the full name of its unit. It changes nothing, so it runs in check mode too.",
  params: z.strictObject({}),
  inCheckMode: "run",
  examples: [
    {
      title: "Does it run?",
      yaml: "- service_facts:\n- debug:\n    msg: SSH is up\n  when: ansible_facts.services['ssh.service'].state == 'running'\n",
    },
    {
      title: "Stop a service where there is one",
      yaml: "- service_facts:\n- systemd:\n    name: exim4\n    state: stopped\n  when: \"'exim4.service' in ansible_facts.services\"\n",
    },
  ],
  returns: {
    ansible_facts:
      "`services`: by the unit's name its `name`, `source` (systemd), `state` (running, stopped, inactive, unknown) and `status` (enabled, disabled, static, masked, alias, not-found, failed, …).",
  },
  queries: () => ({ services: serviceStates("all") }),
  diff: (_want, { services }) => ({
    action: "run",
    summary: `found ${services.size} services`,
    differences: [],
    detail: {
      services: Object.fromEntries(
        [...services].map(([name, { state, status }]) => [name, { name, source: "systemd", state, status }]),
      ),
    },
  }),
  steps: () => [],
  result: (_want, _outputs, { detail, summary }) => ({
    changed: false,
    message: summary,
    gathered: detail,
    data: { ansible_facts: detail },
  }),
});
