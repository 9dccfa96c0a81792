/** Reloads a page once the development server has restarted. Bound by DevTools, in development only. */
export abstract class LiveReload {
    /** For a page's own `<script>`; it shows what goes on in the element `#state`, where there is one. */
    public abstract readonly script: string;
}
