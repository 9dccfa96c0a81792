/** What all pages of the framework share: colours for light and dark, and letters that every system has. */
export const BASE_STYLE = `
:root{--bg:#faf8f5;--card:#fff;--ink:#1f1b16;--soft:#665e54;--line:#e7e1d8;--code:#f4f0ea;--accent:#b93a0a;--good:#12652f;--bad:#b42318;--glow:#ffedd5;
--sans:ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
@media (prefers-color-scheme:dark){:root{--bg:#14110e;--card:#1d1915;--ink:#f3eee7;--soft:#aea396;--line:#352e27;--code:#26201b;--accent:#fb923c;--good:#4ade80;--bad:#ff8f80;--glow:#3a2010}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;color-scheme:light dark}
body{margin:0;min-height:100vh;background:radial-gradient(60rem 26rem at 50% -9rem,var(--glow),transparent) no-repeat var(--bg);color:var(--ink);font:16px/1.6 var(--sans)}
main{max-width:46rem;margin:0 auto;padding:clamp(2rem,7vw,5rem) 1.25rem 3rem}
h1{margin:0;font-size:clamp(1.7rem,5.5vw,2.6rem);line-height:1.15;letter-spacing:-.025em;text-wrap:balance}
h2{margin:0 0 .75rem;text-wrap:balance;font-size:1.05rem;letter-spacing:-.01em}
p{margin:0 0 .75rem}
a{color:var(--accent)}
code,pre{font-family:var(--mono);font-size:.875em}
code{background:var(--code);border-radius:.3em;padding:.1em .35em;overflow-wrap:anywhere}
pre{margin:0;overflow-x:auto;line-height:1.7;scrollbar-width:thin}
pre code{background:none;padding:0;font-size:1em;overflow-wrap:normal}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.card{background:var(--card);border:1px solid var(--line);border-radius:.9rem;padding:1.25rem 1.35rem;margin:0 0 1rem;box-shadow:0 1px 2px #0000000a}
.soft{color:var(--soft)}
.small{font-size:.875rem}
`.replaceAll('\n', '');
