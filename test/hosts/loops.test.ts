import { describe, expect, test } from "vitest";
import { runPlaybook, runTasks } from "./converge.ts";
import { failures, onlyOn, told } from "./told.ts";

const HOST = "bookworm1";

describe("loops", () => {
  test("a loop over a block runs all of it for each item, with its rescue", async () => {
    const run = await runPlaybook(
      `- hosts: all
  vars: {list: [1, 2]}
  tasks:
    - block:
        - {name: "one {{ item }}", command: "test {{ item }} = 1"}
        - {name: "two {{ item }}", debug: {}}
      rescue:
        - {name: "mend {{ item }}", debug: {}}
      loop: "{{ list }}"
      when: item < 3`,
      { hosts: [HOST] },
    );
    expect(onlyOn(HOST, told(run))).toEqual(["one 1: changed", "two 1: ok", "one 2: rescued", "mend 2: ok"]);
  });

  test("loop_control: pause waits between items, and extended_allitems leaves the list out", async () => {
    const run = await runTasks(
      `- shell: date +%s%N
  loop: [a, b]
  loop_control: {pause: 1, extended: true, extended_allitems: false}
  register: said
- debug: {msg: "{{ to_json ansible_loop }}"}
  loop: [a]
  loop_control: {extended: true, extended_allitems: false}
  register: seen
- assert:
    that:
      - int(said.results[1].stdout) - int(said.results[0].stdout) >= 1000000000
      - not ('allitems' in from_json(seen.results[0].msg)) and 'revindex' in from_json(seen.results[0].msg)`,
      { hosts: [HOST] },
    );
    expect(failures(run)).toEqual([]);
  });

  test("loop_control: extended, names, break_when, and a loop over nothing", async () => {
    const run = await runTasks(
      `- debug:
    msg: "{{ ansible_loop.revindex }} {{ default ansible_loop.nextitem '-' }} {{ length ansible_loop.allitems }} {{ n }}"
  loop: [a, b, c]
  loop_control: {extended: true, loop_var: letter, index_var: n, break_when: "letter == 'b'"}
  register: said
- command: echo {{ item }}
  loop: []
  register: nothing
- assert:
    that:
      - length(said.results) == 2
      - said.results[0].msg == '3 b 3 0' and said.results[1].msg == '2 c 3 1'
      - said.results[1].letter == 'b' and said.results[1].ansible_loop_var == 'letter'
      - nothing.skipped and nothing.results == [] and not nothing.changed`,
      { hosts: [HOST] },
    );
    expect(failures(run)).toEqual([]);
  });
});
