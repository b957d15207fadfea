"""The look of `report.html`: no script, no font and no picture from outside."""

CSS = """
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --card: #ffffff; --ink: #1d1c1a; --muted: #66625c;
  --grid: #e7e3dc; --baseline: #a39d94; --soft: #b7cdea;
  --series-0: #1f63b5; --series-1: #b4541a; --series-2: #2b7a57;
  --series-3: #7b4bab; --series-4: #a8324f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14161a; --card: #1b1e23; --ink: #eceae6; --muted: #a4a7ad;
    --grid: #30343b; --baseline: #7f848d; --soft: #33557d;
    --series-0: #6fb1f5; --series-1: #f0a068; --series-2: #6cc9a0;
    --series-3: #bd9cf0; --series-4: #f08fa5;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif;
}
main { max-width: 62rem; margin: 0 auto; padding: 3rem 1.5rem 5rem; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0; letter-spacing: -0.02em; }
h2 { font-size: 1.25rem; margin: 3rem 0 0.4rem; letter-spacing: -0.01em; }
p { max-width: 44rem; margin: 0.4rem 0 1rem; text-wrap: pretty; }
.quiet, figcaption, .unit { color: var(--muted); }
figcaption { font-size: 0.9rem; max-width: 44rem; margin-top: 0.5rem; }
figure {
  margin: 1rem 0; padding: 1.1rem 1.2rem; background: var(--card);
  border: 1px solid var(--grid); border-radius: 10px;
}
figure > div, .scroll { overflow-x: auto; }
svg { display: block; width: 100%; height: auto; }
.scroll { margin: 1.2rem 0 1.6rem; }
.tiles, .pair { display: grid; gap: 1rem; }
.tiles {
  grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); margin: 1.6rem 0;
}
.pair { grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); }
.pair { margin-top: 1rem; }
.pair figure { margin: 0; }
.tile {
  padding: 1.1rem 1.2rem; background: var(--card);
  border: 1px solid var(--grid); border-radius: 10px;
}
.tile b { display: block; font-size: 2.1rem; line-height: 1.25; }
.tile span { display: block; font-size: 0.9rem; color: var(--muted); }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; }
th, td { padding: 0.42rem 0.8rem 0.42rem 0; text-align: right;
  border-bottom: 1px solid var(--grid); white-space: nowrap;
  font-variant-numeric: tabular-nums; }
th { font-weight: 600; color: var(--muted); }
th:first-child, td:first-child { text-align: left; }
td small { color: var(--muted); margin-left: 0.45em; }
tr.model td { font-weight: 600; }
tr.model td small { font-weight: 400; }
td.best { color: var(--series-0); }
details { margin: 0.8rem 0; border-top: 1px solid var(--grid); }
summary { cursor: pointer; padding: 0.7rem 0; color: var(--muted); }
summary:hover, summary:focus-visible { color: var(--ink); }
dl { display: grid; grid-template-columns: minmax(9rem, auto) 1fr;
  gap: 0.15rem 1.5rem; font-size: 0.9rem; margin: 0.5rem 0 1rem; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
@media (max-width: 48rem) { figure > div > svg { min-width: 34rem; } }
@media print { figure, .tile { break-inside: avoid; } }
"""
