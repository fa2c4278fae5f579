/** Ctrl-C once: stop after the step under way. Twice: stop now. */
export function interruption(): { stopping: AbortSignal; aborting: AbortSignal; release: () => void } {
  const soft = new AbortController();
  const hard = new AbortController();
  const onSignal = (): void => {
    if (soft.signal.aborted) hard.abort();
    else soft.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    stopping: soft.signal,
    aborting: hard.signal,
    release: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
