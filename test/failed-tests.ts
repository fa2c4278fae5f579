import { stripVTControlCharacters } from "node:util";
import type { Reporter, SerializedError, TestCase, TestModule, TestSuite } from "vitest/node";

const WIDTH = 300;

/** The first line of what it says, and of what came in place of what was expected the first line that tells something. */
export function shortly({ name, message, diff }: SerializedError): string {
  const [first = ""] = stripVTControlCharacters(message).split("\n");
  const lines = typeof diff === "string" ? stripVTControlCharacters(diff).split("\n") : [];
  const received = lines.find((line) => /^\+.*\w/.test(line) && !/^\+ Received:?$/.test(line));
  const said = [`${name ?? "Error"}: ${first}`, ...(received === undefined ? [] : [received.trim()])];
  return said.map((line) => (line.length > WIDTH ? `${line.slice(0, WIDTH)}…` : line)).join("\n   ");
}

/** Whatever failed, in the order in which it did and in few lines, as the last that a run says: the first failure is often the cause of the others, and what is kept of a long output is its end. */
export class FailedTests implements Reporter {
  readonly #failed: string[] = [];

  onTestCaseResult(test: TestCase): void {
    this.#add(test.module, test.fullName, test.result().errors ?? []);
  }

  /** What is prepared for several tests, or taken away behind them. */
  onTestSuiteResult(group: TestSuite): void {
    this.#add(group.module, `${group.fullName} (before or behind its tests)`, group.errors());
  }

  onTestModuleEnd(file: TestModule): void {
    this.#add(file, "(the file itself)", file.errors());
  }

  onTestRunEnd(_files: unknown, unhandled: readonly SerializedError[]): void {
    for (const error of unhandled) this.#failed.push(`(of no test)\n   ${shortly(error)}`);
    if (this.#failed.length === 0) return;
    const list = this.#failed.map((one, index) => `${index + 1}. ${one}\n`);
    process.stdout.write(`\nFailed, the first one first:\n${list.join("")}`);
  }

  #add(file: TestModule, title: string, errors: readonly SerializedError[]): void {
    const [error] = errors;
    if (error !== undefined) this.#failed.push(`${file.relativeModuleId}: ${title}\n   ${shortly(error)}`);
  }
}
