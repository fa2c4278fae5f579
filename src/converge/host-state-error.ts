/** The host is being worked on by somebody else, its state directory can't be used, or it does not say what it is. */
export class HostStateError extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.name = "HostStateError";
    this.hint = hint;
  }
}
