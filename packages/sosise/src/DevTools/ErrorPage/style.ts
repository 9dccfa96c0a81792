import { BASE_STYLE } from '../../Http/Pages/baseStyle.js';

export const ERROR_STYLE = `${BASE_STYLE}
main{max-width:60rem}
header{margin:0 0 1.75rem}
.where{display:flex;flex-wrap:wrap;align-items:center;gap:.6rem;margin:0 0 1.25rem;font:.875rem/1.5 var(--mono)}
.pill{background:var(--bad);color:var(--card);border-radius:2rem;padding:.2rem .75rem;font-weight:650}
.call{overflow-wrap:anywhere}
.name{margin:0 0 .35rem;font-family:var(--mono);font-size:.95rem;color:var(--bad);font-weight:600;overflow-wrap:anywhere}
h1{font-size:clamp(1.4rem,4vw,2.1rem);line-height:1.25;white-space:pre-wrap;overflow-wrap:anywhere}
h2 .name{font-size:1em}
h3{margin:0;font-size:.875rem;line-height:1.8}
.group{display:grid;grid-template-columns:6.5rem 1fr;gap:.2rem 1rem;margin:0 0 .9rem}
.group p{margin:0;line-height:1.8;color:var(--soft)}
.fix{border-color:var(--good);border-left-width:.3rem}
.fix p{overflow-wrap:anywhere}
.fix p:last-of-type{margin-bottom:0}
figure{margin:0 0 1rem;border:1px solid var(--line);border-radius:.9rem;overflow:hidden;background:var(--card)}
.card figure{margin:.9rem 0 0;background:var(--code);border-radius:.6rem}
figcaption{padding:.55rem 1.1rem;border-bottom:1px solid var(--line);font:.8125rem/1.5 var(--mono);color:var(--soft);overflow-wrap:anywhere}
pre{padding:.7rem 0;font-size:.875rem}
.fix pre{padding:.7rem 1.1rem}
pre code{display:block;min-width:max-content}
.line{display:block;padding:0 1.1rem 0 0;border-left:.25rem solid transparent;tab-size:4}
.it{border-left-color:var(--bad);background:color-mix(in srgb,var(--bad) 12%,transparent)}
.number{display:inline-block;width:3.4rem;padding-right:1.1rem;text-align:right;color:var(--soft);user-select:none}
.message{white-space:pre-wrap;overflow-wrap:anywhere}
.frames{list-style:none;margin:0;padding:0;font:.8125rem/1.8 var(--mono);overflow-wrap:anywhere}
details{margin:.35rem 0}
h3+details{margin:0}
summary{cursor:pointer;color:var(--soft);font-size:.875rem}
details .frames{margin:.3rem 0 .6rem;padding-left:1.05rem}
dl{margin:0;font:.8125rem/1.6 var(--mono)}
dl div{display:grid;grid-template-columns:12rem 1fr;gap:.25rem 1rem;padding:.2rem 0;border-bottom:1px solid var(--line)}
dt{color:var(--soft);overflow-wrap:anywhere}
dd{margin:0;overflow-wrap:anywhere}
dl+.small,.soft.small{margin-top:1rem}
@media (max-width:36rem){pre code{min-width:0;white-space:pre-wrap;overflow-wrap:anywhere}.line{padding-left:2.4rem}.number{margin-left:-2.4rem}.group,dl div{grid-template-columns:1fr}.number{width:2.4rem;padding-right:.7rem}}
`.replaceAll('\n', '');
