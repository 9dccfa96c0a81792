import { BASE_STYLE } from '../Http/Pages/baseStyle.js';

export const WELCOME_STYLE = `${BASE_STYLE}
header{display:flex;align-items:center;gap:1.1rem;margin:0 0 2rem}
.logo{flex:none;width:4.25rem;height:4.25rem}
.logo svg{display:block}
.state{display:flex;align-items:baseline;gap:.55rem;margin:.45rem 0 0;color:var(--soft)}
.dot{flex:none;width:.6rem;height:.6rem;border-radius:50%;background:var(--good);animation:pulse 2.4s ease-out infinite}
.down .dot{background:var(--bad)}
@keyframes pulse{0%{box-shadow:0 0 0 0 color-mix(in srgb,var(--good) 50%,transparent)}70%,100%{box-shadow:0 0 0 .55rem transparent}}
@media (prefers-reduced-motion:reduce){.dot{animation:none}}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.75rem;margin:0 0 1rem}
.facts .card{margin:0;padding:.85rem 1.1rem}
dt{color:var(--soft);font-size:.8125rem}
dd{margin:0;font-size:1.1rem;font-weight:650;letter-spacing:-.01em}
dd.on{color:var(--good)}
dd.off{color:var(--accent)}
.lead{padding:1.4rem 1.5rem}
.lead p:last-child{margin:0}
figure{margin:0 0 .9rem;border:1px solid var(--line);border-radius:.6rem;overflow:hidden;background:var(--code)}
figcaption{padding:.4rem .9rem;border-bottom:1px solid var(--line);font:.8125rem/1.5 var(--mono);color:var(--soft)}
pre{padding:.5rem 0}
del,ins{display:block;padding:0 .9rem;text-decoration:none}
del{color:var(--bad)}
ins{color:var(--good);background:color-mix(in srgb,var(--good) 9%,transparent)}
del::before{content:"- " / ""}
ins::before{content:"+ " / ""}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.visits{display:flex;align-items:center;gap:1.4rem}
.count{margin:0;min-width:4.5rem;text-align:center;font-size:3.4rem;line-height:1;font-weight:750;letter-spacing:-.04em;color:var(--accent);font-variant-numeric:tabular-nums}
.visits h2{margin:0 0 .3rem}
section>h2{margin-top:2rem}
.lead h2{margin-top:0}
.steps{list-style:none;margin:0;padding:0;counter-reset:step}
.steps .card{display:flex;gap:1rem;margin:0 0 .75rem;padding:1rem 1.2rem;counter-increment:step}
.steps .card::before{content:counter(step);flex:none;width:1.8rem;height:1.8rem;border-radius:50%;background:var(--code);color:var(--accent);font-weight:700;text-align:center;line-height:1.8rem}
.steps strong{margin-right:.35rem}
.steps p{margin:.25rem 0 0}
.steps div{min-width:0}
footer{margin-top:2rem}
@media (max-width:30rem){header{flex-direction:column;align-items:flex-start;gap:.6rem}.logo{width:3.4rem;height:3.4rem}.visits{gap:.9rem}.count{min-width:3rem;font-size:2.6rem}.facts{grid-template-columns:1fr 1fr}}
`.replaceAll('\n', '');
