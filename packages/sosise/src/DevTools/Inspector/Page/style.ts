import { BASE_STYLE } from '../../../Http/Pages/baseStyle.js';

export const INSPECTOR_STYLE = `${BASE_STYLE}
main{max-width:80rem;padding-top:clamp(1.25rem,4vw,2.5rem)}
header{display:flex;flex-wrap:wrap;align-items:baseline;gap:.25rem 1.25rem;margin:0 0 1.25rem}
h1{font-size:1.6rem}
.state{display:flex;align-items:baseline;gap:.5rem;margin:0;color:var(--soft)}
.dot{flex:none;width:.55rem;height:.55rem;border-radius:50%;background:var(--good)}
.down .dot{background:var(--bad)}
.columns{display:grid;gap:1rem;align-items:start}
.columns>div{min-width:0}
@media (min-width:62rem){.columns{grid-template-columns:minmax(0,5fr) minmax(0,7fr)}}
.card{padding:1rem 1.15rem}
h2 .soft{font-weight:400}
dl{margin:0;font-size:.875rem}
dl.facts div{display:grid;grid-template-columns:9.5rem 1fr;gap:.1rem .75rem;padding:.2rem 0;border-bottom:1px solid var(--line)}
dl.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(7rem,1fr));gap:.75rem}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
.figures dd{font-size:1.1rem;font-weight:650;font-variant-numeric:tabular-nums}
.figures dt{font-size:.8125rem}
ul,ol{list-style:none;margin:0;padding:0}
.tree{margin:.8rem 0;font:.8125rem/1.75 var(--mono)}
.tree ul{padding-left:1.1rem;border-left:1px solid var(--line);margin-left:.3rem}
.tree>li{display:flex;gap:.6rem;align-items:flex-start;padding:.15rem 0;border-bottom:1px solid var(--line)}
.tree>li>:first-child{flex:1;min-width:0}
.tree li{overflow-wrap:anywhere}
.key{color:var(--accent)}
summary{cursor:pointer}
button{font:600 .8125rem/1.4 var(--sans);color:var(--ink);background:var(--code);border:1px solid var(--line);border-radius:.45rem;padding:.3rem .7rem;cursor:pointer}
button:hover{border-color:var(--accent)}
.tree button,td button{font-weight:400;padding:.1rem .5rem}
.danger{color:var(--bad)}
.buttons{display:flex;flex-wrap:wrap;gap:.5rem;margin:.75rem 0 0}
.request{padding:.6rem 0;border-bottom:1px solid var(--line);font-size:.875rem}
.request:last-child{border:0;padding-bottom:0}
.line{display:flex;flex-wrap:wrap;gap:.1rem .6rem;align-items:baseline;margin:0;font-family:var(--mono);font-size:.8125rem}
.path{overflow-wrap:anywhere;flex:1 1 7rem}
.badge{border:1px solid currentColor;border-radius:1rem;padding:0 .6rem;font:600 .75rem/1.6 var(--sans);color:var(--soft)}
.new,.saved{color:var(--good)}
.ended,.discarded,.failed,.bad{color:var(--bad)}
.what{margin:.3rem 0 0;font-size:.8125rem}
.what div{display:grid;grid-template-columns:3.4rem 1fr;gap:.5rem}
.what dd{color:var(--soft)}
.diff{margin:.35rem 0;border-radius:.5rem;background:var(--code);font:.8125rem/1.65 var(--mono);overflow:hidden}
del,ins{display:block;padding:0 .7rem;text-decoration:none;overflow-wrap:anywhere}
del{color:var(--bad)}
ins{color:var(--good)}
del::before{content:"- " / ""}
ins::before{content:"+ " / ""}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.mine .whose{color:var(--accent)}
.mine .whose::after{content:" (yours)"}
.scroll{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:.8125rem}
th,td{text-align:left;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line);font-weight:400}
td{overflow-wrap:anywhere}
td code,td:nth-child(2),button{white-space:nowrap}
th{color:var(--soft)}
td:last-child{text-align:right;padding-right:0}
figure{margin:0;border:1px solid var(--line);border-radius:.6rem;overflow:hidden;background:var(--code)}
figcaption{padding:.4rem .9rem;border-bottom:1px solid var(--line);font:.8125rem/1.5 var(--mono);color:var(--soft)}
figure pre{padding:.5rem 0}
dialog{width:min(34rem,calc(100vw - 2rem));border:1px solid var(--line);border-radius:.9rem;background:var(--card);color:var(--ink);padding:1.25rem 1.35rem}
dialog::backdrop{background:#0008}
label{display:block;margin:0 0 .75rem;font-size:.875rem}
input,textarea{display:block;width:100%;margin-top:.2rem;padding:.45rem .6rem;font:.875rem/1.5 var(--mono);color:var(--ink);background:var(--bg);border:1px solid var(--soft);border-radius:.45rem}
textarea{min-height:9rem;resize:vertical}
#said:empty{display:none}
#said{position:fixed;pointer-events:none;bottom:1rem;left:50%;transform:translateX(-50%);margin:0;padding:.5rem 1rem;border-radius:.6rem;background:var(--ink);color:var(--bg);font-size:.875rem;max-width:calc(100vw - 2rem)}
`.replaceAll('\n', '');
