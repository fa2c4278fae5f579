import type { Step, StepOutput } from "../modules/step.ts";
import { performInTurn } from "./perform-in-turn.ts";
import type { PerformOptions } from "./perform-options.ts";
import { contentSize, LARGEST_INLINE_BYTES, performStep } from "./perform-step.ts";
import { type HostStep, isPlain } from "./plain-steps.ts";

/**
 * Does the steps one after another; the first that fails ends it. Those that follow each other on the host with nothing to decide between them are done by one script.
 *
 * @returns what each step left, in order.
 * @throws StepFailure, ModuleFailure, TransportError
 */
export async function perform(steps: readonly Step[], options: PerformOptions): Promise<StepOutput[]> {
  const outputs: StepOutput[] = [];
  let queue = [...steps];
  for (let step = queue[0]; step !== undefined; step = queue[0]) {
    const together = mayBeTogether(options) ? leadingPlain(queue) : [];
    if (together.length > 1) {
      queue = queue.slice(together.length);
      outputs.push(...(await performTogether(together, options, queue.length === 0)));
      continue;
    }
    const { output, next = [] } = await performStep(step, outputs, options, queue.length === 1);
    if (output !== undefined) outputs.push(output);
    queue = [...next, ...queue.slice(1)];
  }
  return outputs;
}

/** A job is one step, and what has an environment gives it to scripts and not to files. */
function mayBeTogether({ job, environment }: PerformOptions): boolean {
  return job === undefined && Object.keys(environment).length === 0;
}

function leadingPlain(queue: readonly Step[]): HostStep[] {
  const plain: HostStep[] = [];
  let bytes = 0;
  for (const step of queue) {
    if (!isPlain(step)) break;
    bytes += step.kind === "write-file" ? contentSize(step.content) : 0;
    if (bytes > LARGEST_INLINE_BYTES) break;
    plain.push(step);
  }
  return plain;
}

async function performTogether(
  steps: readonly HostStep[],
  options: PerformOptions,
  isLast: boolean,
): Promise<StepOutput[]> {
  const { sentLast, ...rest } = options;
  const own = isLast && sentLast !== undefined ? options : rest;
  const [end] = await performInTurn(
    [{ prepared: { queries: new Map() }, steps, keeper: options.keeper }],
    own,
    true,
  );
  return end?.kind === "done" ? end.outputs : [];
}
