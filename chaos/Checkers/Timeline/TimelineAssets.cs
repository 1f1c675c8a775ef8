namespace KvRaft.Chaos.Checkers;

/// <summary>Style and script of a timeline, inline so that the page is one file without dependencies.</summary>
internal static class TimelineAssets
{
    public const string Style = """
        :root { --paper: #fff; --ink: #1d2733; --soft: #64748b; --line: #e3e8ef; --lane: #f6f8fb; --write: #2f7d6d; --read: #b9dcd2; --read-ink: #134438;
          --open: #f4b844; --open-ink: #4d3500; --failed: #cfd6df; --failed-ink: #4a5563; --bad: #d22f3c; --fault: #7c5cd6; --band: rgba(124,92,214,.11); --panel: #f6f8fb; }
        @media (prefers-color-scheme: dark) { :root { --paper: #12171e; --ink: #e3e9f0; --soft: #93a1b3; --line: #2a3441; --lane: #181f28; --write: #3c9482; --read: #24463f; --read-ink: #bfe6da;
          --open: #a87413; --open-ink: #fff3da; --failed: #38424f; --failed-ink: #c3ccd7; --bad: #ff5a66; --fault: #b09aff; --band: rgba(150,125,240,.16); --panel: #181f28; } }
        * { box-sizing: border-box }
        body { margin: 0; padding: 24px 28px 60px; background: var(--paper); color: var(--ink); font: 14px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
        h1 { font-size: 21px; margin: 0 0 2px } h2 { font-size: 16px; margin: 34px 0 6px; padding-top: 18px; border-top: 1px solid var(--line) }
        h2 .anomaly { color: var(--bad); font-family: ui-monospace, "DejaVu Sans Mono", monospace } p { margin: 4px 0 10px; max-width: 1000px }
        .facts { color: var(--soft); margin-bottom: 12px } .facts b { color: var(--ink); font-weight: 600 }
        .verdicts { display: flex; flex-wrap: wrap; gap: 8px; margin: 10px 0 14px; padding: 0; list-style: none }
        .verdicts li { border: 1px solid var(--line); border-left: 4px solid var(--write); border-radius: 5px; padding: 4px 10px }
        .verdicts .violation { border-left-color: var(--bad) } .verdicts .undecided { border-left-color: var(--open) } .verdicts small { color: var(--soft) }
        .scroll { overflow-x: auto; display: flex; border: 1px solid var(--line); border-radius: 6px }
        svg text { font: 11px ui-monospace, "DejaVu Sans Mono", Menlo, monospace; fill: var(--ink) }
        svg.overview { width: 100%; max-width: 1100px; height: auto; display: block; margin: 6px 0 4px }
        .answered { fill: var(--write) } .unanswered { fill: var(--open) } .axis { stroke: var(--line) } svg .tick { fill: var(--soft); font-size: 10px }
        .fault rect { fill: var(--band) } .fault { border: 0 } svg .fault text { fill: var(--fault); font-size: 10px }
        .stripe { fill: var(--lane) } svg.lanes { min-width: calc(100% - 76px); flex: none } svg.names { position: sticky; left: 0; flex: none; background: var(--paper); border-right: 1px solid var(--line); z-index: 1 } svg .who { fill: var(--soft) }
        .op { cursor: pointer; outline: none } .op rect { stroke: transparent; stroke-width: 2 }
        .op.writes rect { fill: var(--write) } svg .op.writes text { fill: #fff } .op.reads rect { fill: var(--read) } svg .op.reads text { fill: var(--read-ink) }
        .op.failed rect { fill: var(--failed) } svg .op.failed text { fill: var(--failed-ink) } .op.open rect { fill: var(--open) } svg .op.open text { fill: var(--open-ink) }
        .op .open-end { fill: var(--paper) !important; opacity: .55; stroke: none }
        .op.proof > rect:first-of-type { stroke: var(--bad); stroke-width: 4 } .op.culprit > rect { fill: var(--bad) } svg .op.culprit text { fill: #fff; font-weight: 700 }
        .op:focus > rect:first-of-type, .op:hover > rect:first-of-type { stroke: var(--ink) }
        .only .op:not(.proof) { opacity: .18 }
        .tools { display: flex; flex-wrap: wrap; align-items: center; gap: 14px; margin: 8px 0; color: var(--soft); font-size: 13px } .tools label { cursor: pointer }
        .key { display: inline-flex; align-items: center; gap: 5px } .key i { width: 22px; height: 12px; border-radius: 3px; display: inline-block }
        pre { font: 12px/1.45 ui-monospace, "DejaVu Sans Mono", Menlo, monospace; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 10px 12px; overflow-x: auto; margin: 8px 0 }
        pre.details { min-height: 5.9em; color: var(--soft) } pre.details.filled { color: var(--ink) }
        """;

    public const string Script = """
        for (const section of document.querySelectorAll('section')) {
          const svg = section.querySelector('svg.lanes'); if (!svg) continue;
          const span = +svg.dataset.span, from = +svg.dataset.from, to = Math.max(+svg.dataset.to, from + 1);
          const placed = [...svg.querySelectorAll('.op, .fault')];
          for (const item of placed) { item.dataset.x = item.getAttribute('x'); item.dataset.w = item.getAttribute('width'); }
          const at = t => Math.min(Math.max((t - from) / (to - from), 0), 1) * span;
          section.querySelector('.by-time').addEventListener('change', change => {
            for (const item of placed) {
              const end = +item.dataset.t1 < 0 ? span : at(+item.dataset.t1), x = change.target.checked ? at(+item.dataset.t0) : +item.dataset.x;
              item.setAttribute('x', x); item.setAttribute('width', change.target.checked ? Math.max(end - x, 3) : item.dataset.w);
            }
          });
          section.querySelector('.only-proof').addEventListener('change', change => svg.classList.toggle('only', change.target.checked));
          const details = section.querySelector('.details');
          const show = op => { if (op) { details.textContent = op.dataset.details; details.classList.add('filled'); } };
          svg.addEventListener('click', click => show(click.target.closest('.op')));
          svg.addEventListener('focusin', focus => show(focus.target.closest('.op')));
          const culprit = svg.querySelector('.culprit');
          if (culprit) section.querySelector('.scroll').scrollLeft = culprit.getAttribute('x') - 420;
        }
        """;
}
