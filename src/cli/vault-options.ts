import { Secrets } from "../diagnostics/secrets.ts";
import { Keyring } from "../variables/vault/keyring.ts";
import type { VaultId } from "../variables/vault/password-source.ts";

/** Options of all commands that read files which may be vaulted. */
export interface VaultOptions {
  vaultId?: string[];
  vaultPasswordFile?: string[];
  askVaultPass?: boolean;
  ageIdentity?: string[];
}

/**
 * The keys of the command line and the environment. Nothing is asked for and no program is run unless an option or a variable says so.
 *
 * @throws DiagnosticsError vault-password-source
 */
export async function keyringOf(options: VaultOptions): Promise<Keyring> {
  const ageIdentityFiles = ageIdentities(options);
  const ids = await vaultIds(options);
  const secrets = new Secrets();
  if (ids.length === 0) return new Keyring(secrets, { ageIdentityFiles });
  const [{ passwordFrom }, { askVaultPassword }] = await Promise.all([
    import("../variables/vault/password-source.ts"),
    import("./ask-password.ts"),
  ]);
  const passwords = [];
  for (const id of ids) passwords.push(await passwordFrom(id, askVaultPassword));
  return new Keyring(secrets, { passwords, ageIdentityFiles });
}

/** In Ansible's order: those that the environment lists, `--vault-id`, password files, the prompt. */
async function vaultIds(options: VaultOptions): Promise<VaultId[]> {
  const listed = environment("VAULT_IDENTITY_LIST")?.split(",") ?? [];
  const given = [...listed.map((one) => one.trim()).filter(Boolean), ...(options.vaultId ?? [])];
  const fallback = environment("VAULT_PASSWORD_FILE");
  const files = options.vaultPasswordFile ?? (fallback === undefined ? [] : [fallback]);
  if (given.length === 0 && files.length === 0 && options.askVaultPass !== true) return [];
  const { parseVaultId } = await import("../variables/vault/password-source.ts");
  return [
    ...given.map(parseVaultId),
    ...files.map((source) => ({ id: "default", source })),
    ...(options.askVaultPass === true ? [{ id: "default", source: "prompt" }] : []),
  ];
}

/** Which of several passwords encrypts: by the option, or the environment. */
export function encryptingLabel(option: string | undefined): string | undefined {
  return option ?? environment("VAULT_ENCRYPT_IDENTITY");
}

/** Plumb's own name wins over Ansible's. */
function environment(name: string): string | undefined {
  return process.env[`PLUMB_${name}`] || process.env[`ANSIBLE_${name}`] || undefined;
}

function ageIdentities({ ageIdentity }: VaultOptions): string[] {
  if (ageIdentity !== undefined) return ageIdentity;
  const file = process.env["PLUMB_AGE_IDENTITY"] || process.env["SOPS_AGE_KEY_FILE"];
  return file === undefined || file === "" ? [] : [file];
}
