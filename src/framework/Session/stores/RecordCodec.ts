import type { Kruptein, StockFileStoreOptions } from 'session-file-store';
import { BadRecordError, type StoredRecord } from '../SessionDriver.js';
import { reuseKeys } from './derivedKeys.js';

/** How every text that kruptein sealed begins (its asn.1 variant apart). */
const SEALED = '{"hmac":';

/** A record is encrypted, and the key does not open it: storage trouble, not a damaged record. */
export class DecryptionError extends Error {
    public override readonly name = 'DecryptionError';
    public readonly code = 'EDECRYPT';
}

/** A record as bytes to store, and as reading them will give it. */
export interface EncodedRecord {
    readonly bytes: Buffer;
    readonly stored: StoredRecord;
}

/** Between a record's text and a file's bytes: the package's encoder, decoder, encoding and encryption. */
export class RecordCodec {
    private readonly kruptein: Kruptein | undefined;
    private readonly isPlain: boolean;
    private readonly isUtf8: boolean;

    public constructor(private readonly options: StockFileStoreOptions) {
        this.kruptein = options.kruptein && reuseKeys(options.kruptein);
        // The package's defaults are JSON's own functions: then the text is stored as it is, and never parsed here.
        this.isPlain = options.encoder === JSON.stringify && options.decoder === JSON.parse;
        this.isUtf8 = options.encoding === 'utf8' || options.encoding === null;
    }

    public encode(record: string): EncodedRecord {
        if (this.isPlain && !this.kruptein) {
            return { bytes: this.toBytes(record), stored: { record, version: record } };
        }
        const encoded = this.isPlain ? record : this.options.encoder(JSON.parse(record) as object);
        const bytes = this.toBytes(this.kruptein ? this.seal(this.kruptein, encoded) : encoded);
        return { bytes, stored: this.isPlain ? { record, version: record } : this.decodeText(encoded) };
    }

    /** Throws BadRecordError for what can't be a record, DecryptionError where the key is wrong or missing. */
    public decode(bytes: Buffer): StoredRecord {
        const text = bytes.toString(this.options.encoding ?? 'utf8');
        if (this.kruptein) {
            return this.decodeText(this.unseal(this.kruptein, text));
        }
        if (text.startsWith(SEALED)) {
            throw new DecryptionError('A session is encrypted, but drivers.file.secret is not set.');
        }
        return this.decodeText(this.options.encoding === null ? bytes : text);
    }

    private decodeText(encoded: string | Buffer): StoredRecord {
        if (this.isPlain) {
            const record = encoded.toString();
            return { record, version: record };
        }
        try {
            const record = JSON.stringify((this.options.decoder as (text: string | Buffer) => unknown)(encoded)) ?? '';
            return { record, version: record };
        } catch (cause) {
            throw new BadRecordError('the decoder does not understand it', { cause });
        }
    }

    private toBytes(encoded: string | Buffer): Buffer {
        return typeof encoded === 'string'
            ? Buffer.from(encoded, this.isUtf8 ? 'utf8' : (this.options.encoding ?? 'utf8'))
            : encoded;
    }

    private seal(kruptein: Kruptein, encoded: string | Buffer): string {
        let sealed: string | undefined;
        let problem: unknown = 'no text came back';
        kruptein.set(this.options.secret as string, encoded, (error, text) => {
            problem = error ?? problem;
            sealed = text;
        });
        if (sealed === undefined) {
            throw new Error(`A session could not be encrypted: ${String(problem)}`);
        }
        return sealed;
    }

    private unseal(kruptein: Kruptein, text: string): string {
        let plain: string | undefined;
        let problem: unknown;
        let isForeign = text === '' || !looksSealed(kruptein, text);
        try {
            if (!isForeign) {
                kruptein.get(this.options.secret as string, text, (error, opened) => {
                    problem ??= error;
                    plain = opened;
                });
            }
        } catch (error) {
            problem = error;
        }
        isForeign ||= problem === 'Unable to parse ciphertext object!';
        if (isForeign) {
            throw new BadRecordError('it is not encrypted as drivers.file.secret asks for');
        }
        if (problem !== undefined && problem !== null) {
            throw new DecryptionError(
                'A session does not decrypt: drivers.file.secret is not the one it was written with.',
            );
        }
        return unquote(plain ?? '');
    }
}

/** kruptein quotes a text once more before it seals it. */
function unquote(plain: string): string {
    try {
        const inner: unknown = JSON.parse(plain);
        return typeof inner === 'string' ? inner : plain;
    } catch {
        return plain;
    }
}

function looksSealed(kruptein: Kruptein, text: string): boolean {
    if ((kruptein as { _use_asn1?: boolean })._use_asn1) {
        return true; // kruptein says itself whether it can take the text apart
    }
    try {
        const { hmac, ct, iv, salt } = JSON.parse(text) as Record<string, unknown>;
        return typeof hmac === 'string' && typeof ct === 'string' && iv !== undefined && salt !== undefined;
    } catch {
        return false;
    }
}
