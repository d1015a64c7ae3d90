/** The style of the API reference. It loads nothing: the policy of the page knows it by its hash. */
export const STYLE = `
:root{color-scheme:light dark;--text:#1b1f24;--soft:#57606a;--line:#d0d7de;--back:#fff;--shade:#f3f5f8;--link:#0757b5}
@media(prefers-color-scheme:dark){:root{--text:#e3e8ee;--soft:#a3adb8;--line:#39424d;--back:#12161b;--shade:#1c222a;--link:#7ab7ff}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0 auto;max-width:80rem;padding:1rem;color:var(--text);background:var(--back);font:1rem/1.55 system-ui,sans-serif;overflow-wrap:anywhere}
h1,h2,h3,h4{line-height:1.25;margin:1.6em 0 .5em}
h1{margin-top:.4em}h2{padding-bottom:.2em;border-bottom:2px solid var(--line)}h3{font-size:1.05rem}h4{font-size:1rem;color:var(--soft)}
p{margin:.5em 0}a{color:var(--link)}
code{font:.88em/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
td code,p code{background:var(--shade);border-radius:4px;padding:.1em .3em}
small,em{color:var(--soft)}em{font-style:normal}
th strong,th em{font-size:.78rem;font-weight:400}th strong{color:var(--link)}
article{margin:1.2rem 0;padding:.1rem 1rem 1rem;border:1px solid var(--line);border-radius:8px}
table{width:100%;border-collapse:collapse;font-size:.92rem}
th,td{padding:.45rem .7rem .45rem 0;border-top:1px solid var(--line);text-align:left;vertical-align:top}
thead th{border:0;color:var(--soft);font-weight:500;font-size:.85rem}
th:first-child{width:28%}td:nth-child(2){width:24%}tbody th{font-weight:600}td small{display:block}
nav ul{list-style:none;padding:0;margin:0}nav ul ul{margin:0 0 .6rem .2rem}nav a{display:block;padding:.2rem .3rem;text-decoration:none;border-radius:4px}nav a:hover{background:var(--shade)}nav li li{font-size:.86rem}nav>ul>li>a{font-weight:600}
.get,.post,.put,.delete{display:inline-block;min-width:4.8em;padding:.1em .4em;border-radius:4px;color:#fff;font:700 .72rem/1.5 system-ui,sans-serif;text-align:center}
.get{background:#0757b5}.post{background:#116329}.put{background:#7a4a00}.delete{background:#a8121f}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;background:var(--back);padding:.5rem}
:target{outline:2px solid var(--link)}
@media(min-width:64rem){body{display:grid;grid-template-columns:21rem 1fr;column-gap:2.5rem}header{grid-column:1/3}nav{position:sticky;top:0;align-self:start;max-height:100vh;overflow:auto}}
@media(max-width:40rem){body{padding:.7rem}article{padding:.1rem .7rem .7rem}thead{position:absolute;left:-99rem}tr{display:block;padding:.5rem 0;border-top:1px solid var(--line)}tbody th,td{display:block;width:auto!important;border:0;padding:.1rem 0}}
@media print{:root{color-scheme:light;--text:#000;--soft:#444;--line:#999;--back:#fff;--shade:#fff;--link:#000}nav,.skip{display:none}body{display:block;max-width:none}article{border:0;padding:0}tr,h3,h4{break-inside:avoid;break-after:avoid}.get,.post,.put,.delete{color:#000;background:none;border:1px solid}}
`
