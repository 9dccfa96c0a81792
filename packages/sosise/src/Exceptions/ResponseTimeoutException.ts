import { ServiceUnavailableException } from './ServiceUnavailableException.js';

/** 503: a route did not answer in time. `detail` names it, for the log only. */
export class ResponseTimeoutException extends ServiceUnavailableException {
    public constructor(public readonly detail: string) {
        super('The request was not answered in time.', { errorCode: 'E_RESPONSE_TIMEOUT' });
    }
}
