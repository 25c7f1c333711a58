"""The style of the page on quality: one style sheet, for screens of any width, in the dark, and for paper."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark;
  --ink: #17202c; --soft: #5d6878; --line: #dfe3e9; --paper: #ffffff; --card: #f6f7f9; --blue: #1769aa;
  --new: #c2410c; --kept: #8d99ab; --gone: #2f855a; --unknown: #c3cad5; --mark: #ffe3d3; --fix: #d8f0e1; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e6eaf0; --soft: #9aa6b6; --line: #2f3845; --paper: #12171e; --card: #1a212a; --blue: #5fb0ea;
  --new: #f0824e; --kept: #69768a; --gone: #57b98a; --unknown: #424d5c; --mark: #512a17; --fix: #1c4230; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 28px clamp(14px, 4vw, 44px) 56px; max-width: 1180px; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "DejaVu Sans", sans-serif; }
h1 { font-size: 27px; line-height: 1.2; margin: 0 0 4px; } h2 { font-size: 21px; margin: 44px 0 8px; }
h3 { font-size: 16px; margin: 26px 0 6px; } h4 { font-size: 15px; margin: 0; overflow-wrap: anywhere; }
p { margin: 4px 0 10px; } .soft, figcaption { color: var(--soft); font-size: 13px; } a { color: var(--blue); }
code, .logic { font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.logic { display: block; overflow-wrap: anywhere; padding-left: 1.2em; text-indent: -1.2em; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(132px, 1fr)); gap: 10px; margin: 20px 0; }
.tile { background: var(--card); border-radius: 8px; padding: 10px 14px; }
.tile b { display: block; font-size: 21px; white-space: nowrap; line-height: 1.25; font-variant-numeric: tabular-nums; }
.dimensions { grid-template-columns: repeat(auto-fit, minmax(168px, 1fr)); }
.dimensions .bar { max-width: none; margin: 3px 0 6px; } .tile .soft { display: block; line-height: 1.4; }
.wide { overflow-x: auto; margin: 8px 0; } table { border-collapse: collapse; font-size: 14px; }
.wide > table { min-width: 100%; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 12.5px; white-space: nowrap; }
th, td { padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tbody th { color: var(--ink); font-size: 14px; } th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; }
td.n { white-space: nowrap; }
.bar { display: block; min-width: 74px; max-width: 150px; height: 6px; border-radius: 3px; background: var(--line);
  overflow: hidden; margin-top: 3px; } .bar i { display: block; height: 100%; background: var(--blue); }
.halves { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 0 48px; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 310px), 1fr)); gap: 14px 26px; }
figure { margin: 10px 0; max-width: 460px; } figcaption { margin-bottom: 2px; }
svg.plot { width: 100%; height: auto; display: block; } svg text { font: 11px system-ui, "DejaVu Sans", sans-serif;
  fill: var(--soft); } svg text.value { fill: var(--ink); font-weight: 600; }
.grid { stroke: var(--line); } .axis { stroke: var(--soft); } .trend { fill: none; stroke: var(--blue);
  stroke-width: 2; } .dot { fill: var(--blue); } rect.new, i.new { fill: var(--new); background: var(--new); }
rect.kept, i.kept { fill: var(--kept); background: var(--kept); } rect.gone, i.gone { fill: var(--gone);
  background: var(--gone); } rect.unknown, i.unknown { fill: var(--unknown); background: var(--unknown); }
rect.spark { fill: var(--kept); } rect.last { fill: var(--blue); } svg.sparkline { vertical-align: middle; }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin: 0 5px 0 12px; }
.legend i:first-child { margin-left: 0; }
.rule { border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px; margin: 14px 0; }
.head { display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: center; }
.pill { border-radius: 99px; padding: 1px 10px; font-size: 12.5px; background: var(--card); color: var(--ink);
  border: 1px solid var(--line); } .up { color: var(--new); } .down { color: var(--gone); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(132px, 1fr)); gap: 8px 16px; margin: 12px 0; }
dt { color: var(--soft); font-size: 12.5px; } dd { margin: 0; font-variant-numeric: tabular-nums; }
.rank { list-style: none; padding: 0; margin: 10px 0; font-size: 14px; } .rank li { margin-bottom: 8px; }
.rank .head { justify-content: space-between; } .rank a { overflow-wrap: anywhere; }
.rank .track { display: block; height: 8px; } .rank .track i { display: block; height: 100%; min-width: 2px;
  background: var(--blue); border-radius: 0 3px 3px 0; }
.wide > table.pair { font-size: 13px; min-width: 0; }
.pair th, .pair td { padding: 4px 12px 4px 0; white-space: nowrap; }
.pair thead th.read { color: var(--ink); } .pair td.diff { background: var(--mark); font-weight: 700;
  box-shadow: inset 0 -2px var(--new); padding: 4px 8px; } .pair td.diff + td { padding-left: 12px; }
.pair td.same { color: var(--soft); }
.pair td ins { text-decoration: none; background: var(--fix); border-radius: 3px; padding: 0 4px; font-weight: 600; }
.pair td.why { white-space: normal; }
details { margin: 10px 0; } summary { cursor: pointer; color: var(--blue); } details dl { display: block; }
details dt { color: var(--ink); font-weight: 600; font-size: 14px; margin-top: 8px; }
footer { margin-top: 48px; border-top: 1px solid var(--line); padding-top: 14px; }
nav { display: flex; flex-wrap: wrap; gap: 2px 16px; }
@media print { body { max-width: none; padding: 0; font-size: 11pt; } .rule, figure, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; } .dimensions { grid-template-columns: repeat(auto-fit, minmax(168px, 1fr)); }
.dimensions .bar { max-width: none; margin: 3px 0 6px; } .tile .soft { display: block; line-height: 1.4; }
.wide { overflow: visible; } nav { display: none; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
