import type { Transport } from "./transport.ts";

/**
 * One connection for several who close it, each when it is done: it is open until the last of them does. What it costs is counted for the first.
 */
export class SharedTransport {
  readonly #transport: Transport;
  #users = 0;
  #isClosed = false;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  share(): Transport {
    const transport = this.#transport;
    const isFirst = this.#users === 0;
    let isOpen = true;
    this.#users += 1;
    return {
      isLocal: transport.isLocal,
      lost: transport.lost,
      run: (request) => transport.run(request),
      processOf: (as) => transport.processOf(as),
      upload: (content, as) => transport.upload(content, as),
      download: (path, as) => transport.download(path, as),
      forward: (target) => transport.forward(target),
      counters: () => (isFirst ? transport.counters() : NOTHING),
      close: async () => {
        if (!isOpen) return;
        isOpen = false;
        this.#users -= 1;
        if (this.#users > 0) return;
        this.#isClosed = true;
        await transport.close();
      },
    };
  }
}

const NOTHING = { roundTrips: 0, channels: 0, scripts: 0, bytesSent: 0, bytesReceived: 0 } as const;
