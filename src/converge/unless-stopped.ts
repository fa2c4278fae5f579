import { Interrupted } from "./interrupted.ts";

/**
 * Waits for something that changes nothing: when the run is being stopped, nobody needs it any more, and a host that hangs would keep all from their end.
 *
 * @throws Interrupted; otherwise what it waits for does
 */
export async function unlessStopped<Type>(stopping: AbortSignal, waiting: Promise<Type>): Promise<Type> {
  let stop: () => void = () => undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(new Interrupted());
  });
  if (stopping.aborted) stop();
  stopping.addEventListener("abort", stop);
  try {
    return await Promise.race([waiting, stopped]);
  } finally {
    stopping.removeEventListener("abort", stop);
  }
}
