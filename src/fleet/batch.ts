import type { Place } from "../converge/place.ts";
import type { TaskEnd } from "../converge/task-result.ts";
import type { Question } from "../modules/step.ts";
import { InStep } from "./in-step.ts";
import { RunOnce } from "./run-once.ts";
import { Slots } from "./slots.ts";

/** The hosts that run a play together, and what makes them wait for each other. */
export class Batch {
  readonly hosts: readonly string[];
  readonly #runOnce = new RunOnce();
  readonly #slots: Slots;
  readonly #inStep: InStep | undefined;
  readonly #waitingFor = new Map<string, PromiseWithResolvers<void>>();
  readonly #throttles = new Map<string, Slots>();
  readonly #answers = new Map<string, Promise<string>>();
  readonly #wanted = new Map<string, Promise<boolean>>();
  #isEnded = false;

  constructor(hosts: readonly string[], forks: number, strategy: "linear" | "free") {
    this.hosts = hosts;
    this.#slots = new Slots(forks);
    this.#inStep = strategy === "linear" ? new InStep(hosts) : undefined;
  }

  /** Does a host's part of the play as soon as fewer than `forks` hosts are at work. */
  async work<Type>(host: string, act: () => Promise<Type>): Promise<Type> {
    await this.#slots.take();
    try {
      return await act();
    } finally {
      this.#inStep?.leave(host);
      this.#slots.give();
    }
  }

  /** Whether no host waits for another, or counts on what it has done. */
  get goesAlone(): boolean {
    return this.#inStep === undefined || this.hosts.length === 1;
  }

  arrive(host: string, place: Place): void {
    this.#inStep?.arrive(host, place);
  }

  isBehind(other: string, host: string): boolean {
    return this.#inStep?.isBehind(other, this.#inStep.placeOf(host)) ?? false;
  }

  /** Resolves when a host may act. */
  async turn(host: string): Promise<void> {
    if (this.#inStep === undefined || this.#inStep.isTurn(host)) return;
    await this.#idle(this.#inStep.turn(host));
  }

  /** Resolves when the play may end for all because of this host: with `strategy: linear`, behind the same task everywhere. */
  async doneByAll(host: string): Promise<void> {
    if (this.#inStep !== undefined) await this.#idle(this.#inStep.doneByAll(host));
  }

  /**
   * `run_once`: with `strategy: linear` the first host in the batch's order of those that come to the task runs it, whichever is there first; with others,
   * the one that is.
   */
  async once(taskId: string, host: string, run: () => Promise<TaskEnd>): Promise<TaskEnd> {
    await this.turn(host);
    for (;;) {
      const first = this.#inStep?.firstBeside(host) ?? host;
      if (this.#runOnce.has(taskId) || first === host) break;
      await this.#idle(Promise.race([this.#inStep?.gone(first), this.#begun(taskId)]));
    }
    if (!this.#runOnce.has(taskId)) {
      const end = this.#runOnce.once(taskId, run);
      this.#waitingFor.get(taskId)?.resolve();
      return end;
    }
    return this.#idle(this.#runOnce.once(taskId, run));
  }

  #begun(taskId: string): Promise<void> {
    const waiting = this.#waitingFor.get(taskId) ?? Promise.withResolvers<void>();
    this.#waitingFor.set(taskId, waiting);
    return waiting.promise;
  }

  /** `throttle`: at most so many hosts are at a task. */
  async throttle<Type>(taskId: string, most: number, act: () => Promise<Type>): Promise<Type> {
    const slots = this.#throttles.get(taskId) ?? new Slots(most);
    this.#throttles.set(taskId, slots);
    await this.#idle(slots.take());
    try {
      return await act();
    } finally {
      slots.give();
    }
  }

  /** Whether somebody at the terminal wants a task to run: asked once for all hosts. */
  wants(taskId: string, ask: () => Promise<boolean>): Promise<boolean> {
    const answer = this.#wanted.get(taskId) ?? ask();
    this.#wanted.set(taskId, answer);
    return answer;
  }

  /** Asks once for all hosts that have the same question under a key; those who ask later have the answer at once. */
  ask(key: string, question: Question, ask: () => Promise<string>): Promise<string> {
    const asked = `${key} ${JSON.stringify(question)}`;
    const answer = this.#answers.get(asked) ?? ask();
    this.#answers.set(asked, answer);
    return answer;
  }

  /** `meta: end_batch`: no host acts on another task. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  end(): void {
    this.#isEnded = true;
  }

  /** The run is being stopped: nobody waits any more. */
  release(): void {
    this.#inStep?.releaseAll();
  }

  /** Waits without taking up a slot that another host could use. */
  async #idle<Type>(waiting: Promise<Type>): Promise<Type> {
    this.#slots.give();
    try {
      return await waiting;
    } finally {
      await this.#slots.take();
    }
  }
}
