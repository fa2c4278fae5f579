/** The run is being stopped, and this host must not begin what it was about to do. */
export class Interrupted extends Error {
  constructor() {
    super("the run is being stopped");
    this.name = "Interrupted";
  }
}
