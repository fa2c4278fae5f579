import type { TaskFinished } from "../converge/event.ts";
import { escapeXml } from "./escape-xml.ts";
import { taskTitle } from "./event-lines.ts";
import type { View, ViewOptions } from "./view.ts";

/**
 * A JUnit report: a test suite a host, a test case a task. Changes that check mode predicts are failures, so that a CI job shows drift in red.
 */
export function junitView({ output }: ViewOptions): View {
  const suites = new Map<string, string[]>();
  const failures = new Map<string, number>();
  const add = (host: string, xml: string, failed: boolean): void => {
    suites.set(host, [...(suites.get(host) ?? []), xml]);
    if (failed) failures.set(host, (failures.get(host) ?? 0) + 1);
  };
  return {
    show: (event) => {
      if (event.type === "task-finished") add(event.host, testCase(event), isFailure(event));
      if (event.type === "host-unreachable") {
        const body = `<error message="${escapeXml(event.message)}"/>`;
        add(event.host, `    <testcase classname="connection" name="reachable">${body}</testcase>`, true);
      }
    },
    close: async () => {
      const text = [...suites].map(
        ([host, cases]) =>
          `  <testsuite name="${escapeXml(host)}" tests="${cases.length}" failures="${failures.get(host) ?? 0}">\n${cases.join("\n")}\n  </testsuite>`,
      );
      output.write(
        `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="plumb">\n${text.join("\n")}\n</testsuites>\n`,
      );
    },
  };
}

function isFailure(event: TaskFinished): boolean {
  return event.status === "failed" || event.status === "would-change" || event.status === "unknown";
}

function testCase(event: TaskFinished): string {
  const head = `    <testcase classname="${escapeXml(event.task.module)}" name="${escapeXml(taskTitle(event.task))}" time="${(event.durationMs / 1000).toFixed(3)}"`;
  if (event.status === "skipped")
    return `${head}><skipped message="${escapeXml(event.message)}"/></testcase>`;
  if (!isFailure(event)) return `${head}/>`;
  return `${head}><failure type="${event.status}" message="${escapeXml(event.message)}"/></testcase>`;
}
