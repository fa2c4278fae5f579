import fc from "fast-check";

/** Plays that both languages read alike, and what is asked of them on the command line. */
export interface GeneratedPlays {
  plays: readonly Play[];
  tags: readonly string[];
  skipTags: readonly string[];
}

/** The last one is the one that things happen to most. */
export const PLAY_HOSTS = ["bookworm1", "trixie1", "bookworm2"] as const;

/** On which hosts something is so: all, none, or by name. A condition that is valid CEL and valid Jinja. */
const CONDITIONS = [
  "true",
  "false",
  'inventory_hostname == "bookworm2"',
  'inventory_hostname != "bookworm2"',
  'inventory_hostname == "trixie1"',
  'inventory_hostname in ["bookworm1", "bookworm2"]',
  "last.changed == true",
] as const;

type Condition = (typeof CONDITIONS)[number];

const often = (usual: Condition): fc.Arbitrary<Condition> =>
  fc.oneof(
    { weight: 5, arbitrary: fc.constant(usual) },
    { weight: 4, arbitrary: fc.constantFrom(...CONDITIONS) },
  );

interface TaskNode {
  kind: "task";
  changes: Condition;
  fails: Condition;
  ignored: boolean;
  when: Condition;
  tags: string[];
  notify: string[];
  loop: "none" | "items" | "empty" | "conditional";
  until: "none" | "at once" | "never";
  runOnce: boolean;
  anyErrorsFatal: boolean;
  register: boolean;
}

/** What is for all hosts of the play, whoever comes to it first. */
const FOR_ALL = ["clear_host_errors", "end_batch", "end_play"] as const;

interface MetaNode {
  kind: "meta";
  action: "flush_handlers" | "end_host" | "noop" | (typeof FOR_ALL)[number];
  when: Condition;
}

interface BlockNode {
  kind: "block";
  block: PlayNode[];
  rescue: PlayNode[];
  always: PlayNode[];
  when: Condition;
  tags: string[];
  ignored: boolean;
}

interface FileNode {
  kind: "include" | "import";
  nodes: PlayNode[];
  when: Condition;
  tags: string[];
}

type PlayNode = TaskNode | MetaNode | BlockNode | FileNode;

const TOPICS = ["first", "second", "third", "topic"] as const;
const tags = fc.oneof(
  { weight: 3, arbitrary: fc.constant<string[]>([]) },
  { weight: 2, arbitrary: fc.subarray(["a", "b", "never", "always"], { minLength: 1, maxLength: 2 }) },
);

const seldom = (weight: number): fc.Arbitrary<boolean> =>
  fc.oneof({ weight, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });

const task: fc.Arbitrary<TaskNode> = fc.record({
  kind: fc.constant("task" as const),
  changes: often("true"),
  fails: often("false"),
  ignored: seldom(4),
  when: often("true"),
  tags,
  notify: fc.subarray([...TOPICS], { maxLength: 2 }),
  loop: fc.oneof(
    { weight: 4, arbitrary: fc.constant("none" as const) },
    fc.constantFrom("items", "empty", "conditional"),
  ),
  until: fc.oneof(
    { weight: 6, arbitrary: fc.constant("none" as const) },
    fc.constantFrom("at once", "never"),
  ),
  runOnce: seldom(8),
  anyErrorsFatal: fc.constant(false),
  register: fc.boolean(),
});

/** One that fails takes hosts with it in Ansible that a rescue or an always is for, and its result is for hosts that never come to it; docs/differences.md. */
const withoutAccidents = (node: TaskNode): TaskNode =>
  node.runOnce ? { ...node, fails: "false", until: "none", register: false } : node;

const meta: fc.Arbitrary<MetaNode> = fc.record({
  kind: fc.constant("meta" as const),
  action: fc.constantFrom("flush_handlers", "end_host", "noop"),
  when: fc.constantFrom("true", 'inventory_hostname == "bookworm2"', "false"),
});

const { nodes } = fc.letrec<{ node: PlayNode; nodes: PlayNode[] }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    { weight: 6, arbitrary: task.map(withoutAccidents) },
    { weight: 1, arbitrary: meta },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("block" as const),
        block: fc.array(tie("node"), { minLength: 1, maxLength: 3 }),
        rescue: fc.array(tie("node"), { maxLength: 2 }),
        always: fc.array(tie("node"), { maxLength: 2 }),
        when: often("true"),
        tags,
        ignored: seldom(8),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom("include" as const, "import" as const),
        nodes: fc.array(tie("node"), { minLength: 1, maxLength: 3 }),
        when: often("true"),
        tags,
      }),
    },
  ),
  nodes: fc.array(tie("node"), { minLength: 1, maxLength: 4 }),
}));

/** Not inside of blocks: Ansible asks the first host for all, and in `always` it makes a host that has failed go on with the play; docs/differences.md. */
const metaForAll: fc.Arbitrary<MetaNode> = fc.record({
  kind: fc.constant("meta" as const),
  action: fc.constantFrom("clear_host_errors", ...FOR_ALL),
  when: fc.constantFrom("true", "true", "false"),
});

/** The nodes of a section of a play. */
const section: fc.Arbitrary<PlayNode[]> = fc
  .tuple(nodes, fc.option(fc.tuple(fc.nat(4), metaForAll), { nil: undefined, freq: 3 }))
  .map(([list, inserted]) =>
    inserted === undefined ? list : list.toSpliced(Math.min(inserted[0], list.length), 0, inserted[1]),
  );

interface PlayKeywords {
  serial: string | undefined;
  anyErrorsFatal: boolean;
  maxFailPercentage: number | undefined;
  isFree: boolean;
}

const keywords: fc.Arbitrary<PlayKeywords> = fc.record({
  serial: fc.option(fc.constantFrom("1", "2", '"50%"', '[1, "100%"]'), { nil: undefined, freq: 3 }),
  anyErrorsFatal: seldom(6),
  maxFailPercentage: fc.option(fc.constantFrom(0, 33, 34, 50, 99), { nil: undefined, freq: 5 }),
  isFree: seldom(5),
});

interface Parts {
  pre: PlayNode[];
  tasks: PlayNode[];
  post: PlayNode[];
  handlerFails: Condition;
}

export interface Play extends PlayKeywords, Parts {}

/** Whether Ansible counts every failure for `max_fail_percentage`: it does not in what is included, and in blocks with `always`; docs/differences.md. */
const isCounted = (parts: Parts): boolean => !/"include"|"always":\[\{/.test(JSON.stringify(parts));

/** A host that fails there goes on with what is behind, in Ansible, once its errors are cleared: it is its accident of not counting them. */
function withoutClearing(parts: Parts): Parts {
  const text = JSON.stringify(parts, (_, value: unknown) => (value === "clear_host_errors" ? "noop" : value));
  return JSON.parse(text) as Parts;
}

const play: fc.Arbitrary<Play> = fc
  .tuple(
    keywords,
    fc.record({
      pre: fc.oneof({ weight: 2, arbitrary: fc.constant<PlayNode[]>([]) }, section),
      tasks: section,
      post: fc.oneof({ weight: 2, arbitrary: fc.constant<PlayNode[]>([]) }, section),
      handlerFails: fc.oneof(
        { weight: 8, arbitrary: fc.constant<Condition>("false") },
        fc.constantFrom<Condition>('inventory_hostname == "bookworm2"', "true"),
      ),
    }),
  )
  .map(([first, second]): [PlayKeywords, Parts] => [
    ...(isCounted(second)
      ? ([first, second] as const)
      : ([{ ...first, maxFailPercentage: undefined }, withoutClearing(second)] as const)),
  ])
  .map(([first, second]) =>
    first.isFree ? { ...asFree(first), ...withoutTurns(second) } : { ...first, ...second },
  );

/** What ends a play for all ends it somewhere else for each, where they don't go in step. */
const asFree = (words: PlayKeywords): PlayKeywords => ({
  ...words,
  anyErrorsFatal: false,
  maxFailPercentage: undefined,
});

/** `run_once` runs on every host in Ansible, where they don't go in step (docs/differences.md), and what is for all comes at another time for each. */
function withoutTurns(parts: Parts): Parts {
  const text = JSON.stringify(parts, (key, value: unknown) =>
    key === "runOnce" ? false : isForAll(value) ? "noop" : value,
  );
  return JSON.parse(text) as Parts;
}

const isForAll = (value: unknown): boolean => (FOR_ALL as readonly unknown[]).includes(value);

const asked = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ tags: [] as string[], skipTags: [] as string[] }) },
  fc.record({
    tags: fc.subarray(["a", "b", "never", "tagged", "untagged"], { maxLength: 2 }),
    skipTags: fc.subarray(["b", "always", "tagged"], { maxLength: 1 }),
  }),
);

/** One play or two, of `serial`, blocks, failures, handlers, loops and tags. */
export const generatedPlays: fc.Arbitrary<GeneratedPlays> = fc
  .tuple(fc.array(play, { minLength: 1, maxLength: 2 }), asked)
  .map(([plays, { tags: wanted, skipTags }]) => ({ plays, tags: wanted, skipTags }));

/** Whether a failure of one host makes all of them fail: those too that were done, in Ansible. */
export function failsForAll({ plays }: GeneratedPlays): boolean {
  return plays.some(
    ({ anyErrorsFatal, maxFailPercentage }) => anyErrorsFatal || maxFailPercentage !== undefined,
  );
}

/**
 * The playbook and the files that it includes, by their names.
 *
 * @param name makes the names of its handlers its own: what one playbook leaves to do on a host is done by the next that has a handler of the name.
 */
export function filesOf(
  { plays, tags: wanted, skipTags }: GeneratedPlays,
  name: string,
): Record<string, string> {
  const isTagged = wanted.length + skipTags.length > 0;
  const written: Written = { tasks: 0, files: {}, isTagged };
  const text = plays.map((one, index) => playText(one, `${name}.${index}`, written)).join("\n");
  return { ...written.files, "play.yml": text };
}

/** What has been written so far: tasks are counted, and so are files. */
interface Written {
  tasks: number;
  /** `--tags` or `--skip-tags` are asked for. */
  isTagged: boolean;
  files: Record<string, string>;
}

function playText(one: Play, id: string, count: Written): string {
  // Where a play ends for all, Ansible runs no handlers even with force_handlers; Plumb runs those of the hosts that failed; and those of hosts that end_host, end_batch or end_play has ended. docs/differences.md.
  const endsForAll = one.anyErrorsFatal || one.maxFailPercentage !== undefined;
  const topics = endsForAll || /"end_|"clear_/.test(JSON.stringify(one)) ? undefined : id;
  const section = (name: string, list: readonly PlayNode[]): string[] =>
    list.length === 0 ? [] : [`  ${name}:`, ...nodeLines(list, "    ", topics, count)];
  return [
    "- hosts: all",
    `  name: play ${id}`,
    "  gather_facts: false",
    // Plumb always does; docs/differences.md. Ansible puts an `always` around each section for it, which keeps failures from being counted, and lets a host whose errors are cleared go on with the next section.
    ...(topics === undefined ? [] : ["  force_handlers: true"]),
    "  vars: {last: {changed: true}}",
    ...(one.serial === undefined ? [] : [`  serial: ${one.serial}`]),
    ...(one.anyErrorsFatal ? ["  any_errors_fatal: true"] : []),
    ...(one.maxFailPercentage === undefined ? [] : [`  max_fail_percentage: ${one.maxFailPercentage}`]),
    ...(one.isFree ? ["  strategy: free"] : []),
    ...section("pre_tasks", one.pre),
    ...section("tasks", one.tasks),
    ...section("post_tasks", one.post),
    "  handlers:",
    `    - {name: first ${id}, debug: {msg: x}, changed_when: true, notify: second ${id}}`,
    `    - {name: second ${id}, debug: {msg: x}, listen: topic ${id}}`,
    `    - {name: fourth ${id}, debug: {msg: x}, listen: topic ${id}, when: 'inventory_hostname != "bookworm2"'}`,
    // The last one: what is behind a handler that fails runs all the same; docs/differences.md.
    `    - {name: third ${id}, debug: {msg: x}, listen: topic ${id}, failed_when: '${one.handlerFails}'}`,
  ].join("\n");
}

function nodeLines(
  list: readonly PlayNode[],
  indent: string,
  id: string | undefined,
  count: Written,
): string[] {
  return list.flatMap((node) => {
    const tagged =
      "tags" in node && node.tags.length > 0 ? [`${indent}  tags: [${node.tags.join(", ")}]`] : [];
    const when = node.when === "true" ? [] : [`${indent}  when: '${node.when}'`];
    switch (node.kind) {
      case "meta":
        return [`${indent}- meta: ${node.action}`, ...(node.action === "flush_handlers" ? [] : when)];
      case "task":
        count.tasks += 1;
        return [...taskLines(node, `t${count.tasks}`, indent, id), ...when, ...tagged];
      case "block": {
        const part = (name: string, inner: readonly PlayNode[]): string[] =>
          inner.length === 0 ? [] : [`${indent}  ${name}:`, ...nodeLines(inner, `${indent}    `, id, count)];
        const [head = "", ...rest] = [
          ...part("block", node.block),
          ...part("rescue", node.rescue),
          ...part("always", node.always),
        ];
        const ignored = node.ignored ? [`${indent}  ignore_errors: true`] : [];
        return [`${indent}- ${head.trimStart()}`, ...rest, ...when, ...tagged, ...ignored];
      }
      default: {
        const file = `file${Object.keys(count.files).length}.yml`;
        // Its name is taken before those of the files in it.
        count.files[file] = "";
        count.files[file] = `${nodeLines(node.nodes, "", id, count).join("\n")}\n`;
        // Conditions and tags of an include are for it alone in Ansible, and reach the tasks inside in Plumb: docs/differences.md.
        if (node.kind === "import" || count.isTagged)
          return [`${indent}- import_tasks: ${file}`, ...when, ...tagged];
        return [`${indent}- include_tasks: ${file}`, ...(node.when.includes("last") ? [] : when)];
      }
    }
  });
}

function taskLines(node: TaskNode, name: string, indent: string, id: string | undefined): string[] {
  const loops = { none: [], items: ["loop: [1, 2]"], empty: ["loop: []"], conditional: ["loop: [1, 2, 3]"] };
  const fails = node.loop === "conditional" && node.fails !== "false" ? "item == 2" : node.fails;
  // Of a loop in which an item fails, Plumb still runs the handlers of those that have changed something; docs/differences.md.
  const notify = id === undefined || (node.loop !== "none" && fails !== "false") ? [] : node.notify;
  return [
    `${indent}- name: ${name}`,
    ...[
      "debug: {msg: x}",
      `changed_when: '${node.changes}'`,
      ...(fails === "false" ? [] : [`failed_when: '${fails}'`]),
      ...(node.ignored ? ["ignore_errors: true"] : []),
      ...(notify.length === 0 ? [] : [`notify: [${notify.map((one) => `${one} ${id}`).join(", ")}]`]),
      ...loops[node.loop],
      ...(node.until === "none" ? [] : [`until: ${node.until === "at once"}`, "retries: 1", "delay: 0"]),
      ...(node.runOnce ? ["run_once: true"] : []),
      ...(node.register ? ["register: last"] : []),
    ].map((line) => `${indent}  ${line}`),
  ];
}
