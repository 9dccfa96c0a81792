/// <reference path="../packages.d.ts" preserve="true" />
import type { Kruptein, StockFileStoreOptions } from 'session-file-store';
import type { MaybePromise } from '../../../Support/MaybePromise.js';
import type { StoredRecord } from '../../Drivers/SessionDriver.js';
import { DamagedRecordError } from '../../Record/DamagedRecordError.js';
import { KrupteinKeys } from './KrupteinKeys.js';

/** How every text that kruptein encrypted begins (its asn.1 variant apart). */
const ENCRYPTED = '{"hmac":';

/** A record is encrypted, and the key does not open it: the storage fails, the record is not damaged. */
export class DecryptionError extends Error {
    public override readonly name = 'DecryptionError';
    public readonly code = 'EDECRYPT';
}

/** A record as it is stored, and as reading that will give it. */
export interface EncodedRecord {
    readonly content: string | Buffer;
    readonly stored: StoredRecord;
}

/**
 * Between a record's text and a file's bytes: the package's encoder, decoder and encoding. What its `secret` encrypted is
 * decrypted; only those who use the class by itself still encrypt with it.
 */
export class RecordCodec {
    private readonly kruptein: Kruptein | undefined;
    private readonly keys: KrupteinKeys | undefined;
    /** Whether a file's bytes are the record's JSON text as it is. */
    public readonly keepsText: boolean;
    private readonly isPlain: boolean;
    private readonly isUtf8: boolean;

    public constructor(private readonly options: StockFileStoreOptions) {
        this.kruptein = options.kruptein;
        this.keys = options.kruptein && new KrupteinKeys(options.kruptein);
        // The package's defaults are JSON's own functions: then the text is stored as it is, and never parsed here.
        this.isPlain = options.encoder === JSON.stringify && options.decoder === JSON.parse;
        this.isUtf8 = options.encoding === 'utf8' || options.encoding === null;
        this.keepsText = this.isPlain && this.isUtf8 && !this.kruptein;
    }

    public encode(record: string): EncodedRecord {
        if (this.isPlain) {
            return { content: this.keepsText ? record : this.toBytes(record), stored: { record, version: record } };
        }
        const encoded = this.options.encoder(JSON.parse(record) as object);
        return { content: this.toBytes(encoded), stored: this.decodeText(encoded) };
    }

    /** The same, encrypted where the package's `secret` is set. */
    public encrypt(record: string): EncodedRecord {
        if (!this.kruptein) {
            return this.encode(record);
        }
        const encoded = this.isPlain ? record : this.options.encoder(JSON.parse(record) as object);
        return { content: this.toBytes(this.encryptWith(this.kruptein, encoded)), stored: this.decodeText(encoded) };
    }

    /** Throws DamagedRecordError for what can't be a record, DecryptionError where the key is wrong or missing. */
    public decode(bytes: Buffer): MaybePromise<StoredRecord> {
        const text = bytes.toString(this.options.encoding ?? 'utf8');
        const encoded = this.options.encoding === null ? bytes : text;
        if (this.kruptein && this.keys) {
            return this.decodeEncrypted(this.kruptein, this.keys, text, encoded);
        }
        if (text.startsWith(ENCRYPTED)) {
            throw new DecryptionError('A session is encrypted, but drivers.file.secret is not set.');
        }
        return this.decodeText(encoded);
    }

    private async decodeEncrypted(
        kruptein: Kruptein,
        keys: KrupteinKeys,
        text: string,
        encoded: string | Buffer,
    ): Promise<StoredRecord> {
        const isAsn1 = (kruptein as { _use_asn1?: boolean })._use_asn1 === true;
        const salt = saltIn(text);
        if (!salt && !isAsn1) {
            return this.decodeText(encoded); // never encrypted
        }
        if (salt) {
            await keys.prepare(this.options.secret, salt);
        }
        const opened = this.decrypt(kruptein, text);
        return this.decodeText(opened ?? encoded);
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
            throw new DamagedRecordError('the decoder does not understand it', { cause });
        }
    }

    private toBytes(encoded: string | Buffer): Buffer {
        return typeof encoded === 'string'
            ? Buffer.from(encoded, this.isUtf8 ? 'utf8' : (this.options.encoding ?? 'utf8'))
            : encoded;
    }

    private encryptWith(kruptein: Kruptein, encoded: string | Buffer): string {
        let encrypted: string | undefined;
        let problem: unknown = 'no text came back';
        kruptein.set(this.options.secret as string, encoded, (error, text) => {
            problem = error ?? problem;
            encrypted = text;
        });
        if (encrypted === undefined) {
            throw new Error(`A session could not be encrypted: ${String(problem)}`);
        }
        return encrypted;
    }

    /** Undefined where the text is not encrypted. */
    private decrypt(kruptein: Kruptein, text: string): string | undefined {
        let plain: string | undefined;
        let problem: unknown;
        try {
            kruptein.get(this.options.secret as string, text, (error, opened) => {
                problem ??= error;
                plain = opened;
            });
        } catch (error) {
            problem = error;
        }
        if (problem === 'Unable to parse ciphertext object!') {
            return undefined;
        }
        if (problem !== undefined && problem !== null) {
            throw new DecryptionError(
                'A session does not decrypt: drivers.file.secret is not the one it was written with.',
            );
        }
        return unquote(plain ?? '');
    }
}

/** kruptein quotes a text once more before it encrypts it. */
function unquote(plain: string): string {
    try {
        const inner: unknown = JSON.parse(plain);
        return typeof inner === 'string' ? inner : plain;
    } catch {
        return plain;
    }
}

/** The salt of a text that kruptein encrypted; undefined for any other. */
function saltIn(text: string): Buffer | undefined {
    if (!text.startsWith(ENCRYPTED)) {
        return undefined;
    }
    try {
        const { hmac, ct, iv, salt } = JSON.parse(text) as Record<string, unknown>;
        const isEncrypted = typeof hmac === 'string' && typeof ct === 'string' && iv !== undefined;
        return isEncrypted ? Buffer.from(salt as Uint8Array) : undefined;
    } catch {
        return undefined;
    }
}
