/** A vaulted text taken apart (Ansible's documentation, "Ansible Vault payload format 1.1 - 1.2"). */
export interface Envelope {
  /** The label of 1.2, which says whose password it is; undefined in 1.1. */
  id: string | undefined;
  salt: Buffer;
  /** HMAC-SHA256 of the ciphertext. */
  hmac: Buffer;
  ciphertext: Buffer;
}

const MAGIC = "$ANSIBLE_VAULT;";
/** Characters in a line of the body, as Ansible writes it. */
const LINE_WIDTH = 80;
const HMAC_BYTES = 32;
/** What is encrypted is padded to whole blocks: a ciphertext of any other length has lost its end. */
const BLOCK_BYTES = 16;

/** Whether a text is vaulted as a whole: nothing else starts like this. */
export function isVaulted(text: string | Uint8Array): boolean {
  const start =
    typeof text === "string"
      ? text.slice(0, MAGIC.length)
      : Buffer.from(text.subarray(0, MAGIC.length)).toString("latin1");
  return start === MAGIC;
}

/** The text is no vault, or a part of it is missing or changed. */
export class DamagedVault extends Error {
  /** Its end is missing: whatever is there may well be right. */
  readonly isTruncated: boolean;
  /** Line of the text, counted from 1. */
  readonly line: number;

  constructor(message: string, where: { isTruncated?: boolean; line?: number } = {}) {
    super(message);
    this.name = "DamagedVault";
    this.isTruncated = where.isTruncated ?? false;
    this.line = where.line ?? 1;
  }
}

/** @throws DamagedVault */
export function openEnvelope(text: string): Envelope {
  const [header = "", ...lines] = text.trim().split(/\r?\n/);
  const [magic, version, cipher, id] = header.trim().split(";");
  if (`${magic ?? ""};` !== MAGIC) throw new DamagedVault("it does not start with $ANSIBLE_VAULT");
  if (version !== "1.1" && version !== "1.2")
    throw new DamagedVault(`its format is ${version || "not given"}; 1.1 and 1.2 are known`);
  if (cipher !== "AES256") throw new DamagedVault(`its cipher is ${cipher || "not given"}; AES256 is known`);
  if (lines.length === 0) throw truncated("nothing follows its first line", 1);
  const body = lines.map((line) => line.trim());
  const strange = body.findIndex((line) => !/^[0-9a-fA-F]*$/.test(line));
  if (strange !== -1)
    throw new DamagedVault("this line is no hexadecimal text, as all lines after the first must be", {
      line: strange + 2,
    });
  const last = body.length + 1;
  const parts = fromHex(body.join(""), "end", last).toString("latin1").split("\n");
  if (parts.length < 3) throw truncated("salt, check sum and content are not all there", last);
  const [salt, hmac, ciphertext] = parts.map((part, index) => fromHex(part, PARTS[index] ?? "body", last));
  if (salt === undefined || hmac === undefined || ciphertext === undefined || parts.length > 3)
    throw new DamagedVault("it has more parts than salt, check sum and content");
  if (hmac.length !== HMAC_BYTES || salt.length === 0)
    throw new DamagedVault("its salt or its check sum has not the right length", { line: 2 });
  if (ciphertext.length === 0 || ciphertext.length % BLOCK_BYTES !== 0)
    throw truncated("its content ends in the middle of a block", last);
  return { id: version === "1.2" ? id : undefined, salt, hmac, ciphertext };
}

const PARTS = ["salt", "check sum", "content"];

function truncated(message: string, line: number): DamagedVault {
  return new DamagedVault(message, { isTruncated: true, line });
}

/** As Ansible writes it: 1.2 with a label, otherwise 1.1; a final newline. */
export function sealEnvelope({ id, salt, hmac, ciphertext }: Envelope): string {
  const header = id === undefined ? `${MAGIC}1.1;AES256` : `${MAGIC}1.2;AES256;${id}`;
  const inner = [salt, hmac, ciphertext].map((part) => part.toString("hex")).join("\n");
  const body = Buffer.from(inner, "latin1").toString("hex");
  return [header, ...(body.match(new RegExp(`.{1,${LINE_WIDTH}}`, "g")) ?? []), ""].join("\n");
}

/** Buffer's own reader stops at what is no hexadecimal digit, without a word. */
function fromHex(text: string, part: string, line: number): Buffer {
  if (text.length % 2 !== 0) throw truncated(`its ${part} stops in the middle of a byte`, line);
  if (!/^[0-9a-fA-F]*$/.test(text)) throw new DamagedVault(`its ${part} is no hexadecimal text`, { line: 2 });
  return Buffer.from(text, "hex");
}
