import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import path from "node:path";
import { pathToFileURL } from "node:url";

interface Message {
  id?: number | string;
  method?: string;
  params?: unknown;
  result?: unknown;
}

export interface EditorDiagnostic {
  message: string;
  range: { start: { line: number; character: number } };
}

/** The YAML language server that editors run, spoken to as they do: the Language Server Protocol over its standard input and output. */
export class YamlLanguageServer {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number | string, (result: unknown) => void>();
  readonly #diagnostics = new Map<string, EditorDiagnostic[]>();
  #told: (() => void)[] = [];
  #buffer = Buffer.alloc(0);
  #next = 1;
  #version = 1;
  readonly #settings: unknown;

  private constructor(schemas: Readonly<Record<string, string>>) {
    const script = path.resolve("node_modules/yaml-language-server/bin/yaml-language-server");
    this.#process = spawn(process.execPath, [script, "--stdio"]);
    this.#process.stdout.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#settings = {
      yaml: {
        schemas: Object.fromEntries(
          Object.entries(schemas).map(([file, glob]) => [pathToFileURL(file).href, glob]),
        ),
        schemaStore: { enable: false },
        customTags: ["!expr scalar", "!vault scalar", "!unsafe scalar"],
        hover: true,
        completion: true,
        validate: true,
        yamlVersion: "1.1",
      },
    };
  }

  /** @param schemas file of a schema to the names of files that it is for. */
  static async start(schemas: Readonly<Record<string, string>>): Promise<YamlLanguageServer> {
    const server = new YamlLanguageServer(schemas);
    await server.#ask("initialize", {
      processId: process.pid,
      rootUri: null,
      capabilities: {
        workspace: { configuration: true },
        textDocument: {
          completion: { completionItem: { documentationFormat: ["markdown"] } },
          hover: { contentFormat: ["markdown"] },
        },
      },
    });
    server.#tell("initialized", {});
    server.#tell("workspace/didChangeConfiguration", { settings: server.#settings });
    return server;
  }

  /** What an editor underlines. */
  async diagnostics(name: string, text: string): Promise<EditorDiagnostic[]> {
    const uri = this.#open(name, text);
    while (!this.#diagnostics.has(uri)) await new Promise<void>((resolve) => this.#told.push(resolve));
    return this.#diagnostics.get(uri) ?? [];
  }

  /** What an editor offers where `|` stands. */
  async completions(name: string, textWithCursor: string): Promise<string[]> {
    const { uri, position } = this.#openAtCursor(name, textWithCursor);
    const result = (await this.#ask("textDocument/completion", { textDocument: { uri }, position })) as {
      items?: { label: string }[];
    } | null;
    return (result?.items ?? []).map(({ label }) => label);
  }

  /** What an editor shows over the word where `|` stands. */
  async hover(name: string, textWithCursor: string): Promise<string> {
    const { uri, position } = this.#openAtCursor(name, textWithCursor);
    const result = (await this.#ask("textDocument/hover", { textDocument: { uri }, position })) as {
      contents?: { value?: string };
    } | null;
    return result?.contents?.value ?? "";
  }

  stop(): void {
    this.#process.kill();
  }

  #open(name: string, text: string): string {
    const uri = `file:///plumb/${this.#version++}/${name}`;
    this.#tell("textDocument/didOpen", { textDocument: { uri, languageId: "yaml", version: 1, text } });
    return uri;
  }

  #openAtCursor(name: string, text: string): { uri: string; position: { line: number; character: number } } {
    const before = text.slice(0, text.indexOf("|")).split("\n");
    const position = { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
    return { uri: this.#open(name, text.replace("|", "")), position };
  }

  #ask(method: string, params: unknown): Promise<unknown> {
    const id = this.#next++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#send({ id, method, params });
    });
  }

  #tell(method: string, params: unknown): void {
    this.#send({ method, params });
  }

  #send(message: Message): void {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    this.#process.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  #read(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    for (;;) {
      const end = this.#buffer.indexOf("\r\n\r\n");
      const length = Number(
        /Content-Length: (\d+)/i.exec(this.#buffer.subarray(0, Math.max(end, 0)).toString())?.[1],
      );
      if (end === -1 || this.#buffer.length < end + 4 + length) return;
      const message = JSON.parse(this.#buffer.subarray(end + 4, end + 4 + length).toString()) as Message;
      this.#buffer = this.#buffer.subarray(end + 4 + length);
      this.#handle(message);
    }
  }

  #handle({ id, method, params, result }: Message): void {
    if (method === "textDocument/publishDiagnostics") {
      const { uri, diagnostics } = params as { uri: string; diagnostics: EditorDiagnostic[] };
      this.#diagnostics.set(uri, diagnostics);
      for (const resolve of this.#told.splice(0)) resolve();
    } else if (method === "workspace/configuration" && id !== undefined) {
      const { items } = params as { items: { section: string }[] };
      const settings = this.#settings as Record<string, unknown>;
      this.#send({ id, result: items.map(({ section }) => settings[section] ?? null) });
    } else if (method !== undefined && id !== undefined) {
      this.#send({ id, result: null });
    } else if (id !== undefined) {
      this.#waiting.get(id)?.(result);
      this.#waiting.delete(id);
    }
  }
}
