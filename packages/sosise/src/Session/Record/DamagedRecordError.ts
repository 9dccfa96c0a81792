/** What is stored under a key is not a session. The message says why, and never what the record holds. */
export class DamagedRecordError extends Error {
    public override readonly name = 'DamagedRecordError';
}
