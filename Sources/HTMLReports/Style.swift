extension HTMLReport {
  /// Colours for light and dark, each with a contrast of at least 4.5 to 1 for text; a verdict is
  /// always a word, too.
  static let style = """
    :root { color-scheme: light dark; --ink: #1b1f24; --quiet: #57606a; --paper: #ffffff;
      --panel: #f6f8fa; --grid: #d0d7de; --link: #0550ae; --accent: #0969da; --doorbell: #bc4c00;
      --good: #116329; --bad: #a40e26; --warn: #7d4e00; --mapped: #54aeff; --trapped: #8c959f;
      --memory: #4ac26b; --window: #fff3c4; }
    @media (prefers-color-scheme: dark) {
      :root { --ink: #e6edf3; --quiet: #9aa4af; --paper: #0d1117; --panel: #161b22; --grid: #3d444d;
        --link: #79b8ff; --accent: #58a6ff; --doorbell: #ffa657; --good: #56d364; --bad: #ff8d85;
        --warn: #e3b341; --mapped: #1f6feb; --trapped: #6e7681; --memory: #2ea043;
        --window: #3a3000; }
    }
    * { box-sizing: border-box; }
    body { margin: 0 auto; max-width: 110rem; padding: 1rem 1.25rem 3rem; background: var(--paper);
      color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
    h1 { font-size: 1.6rem; margin: 0.5rem 0; } h2 { font-size: 1.3rem; margin: 2.5rem 0 0.5rem;
      padding-top: 0.5rem; border-top: 1px solid var(--grid); } h3 { font-size: 1.05rem;
      margin: 1.5rem 0 0.4rem; }
    p { margin: 0.4rem 0; } .quiet, caption { color: var(--quiet); }
    a { color: var(--link); } :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
    .skip { position: absolute; left: -100rem; } .skip:focus { position: static; }
    nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; padding: 0; }
    p, dl, ul { max-width: 72rem; } h1, h2, h3, p, li, dd, nav { overflow-wrap: anywhere; }
    .wide { overflow-x: auto; margin: 0.5rem 0; } .tall { max-height: 85vh; overflow: auto; }
    .tall thead th { position: sticky; top: 0; z-index: 2; }
    .tall tbody th, .tall thead th:first-child { position: sticky; left: 0; background: var(--paper); }
    .tall thead th:first-child { z-index: 3; background: var(--panel); }
    pre { font: 0.85em/1.4 ui-monospace, monospace; margin: 0.4rem 0; }
    pre.lines { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--panel);
      border-radius: 6px; padding: 0.4rem 0.8rem; }
    .facts { font-size: 0.875rem; overflow-wrap: anywhere; }
    #controls { position: sticky; top: 0; z-index: 4; display: flex; flex-wrap: wrap; gap: 0.4rem 1rem;
      align-items: center; padding: 0.5rem 0; background: var(--paper); border-bottom: 1px solid var(--grid);
      font-size: 0.875rem; }
    #controls[hidden], [hidden] { display: none !important; }
    input, select, button { font: inherit; color: var(--ink); background: var(--panel);
      border: 1px solid var(--grid); border-radius: 4px; padding: 0.1rem 0.4rem; }
    #status { color: var(--quiet); }
    button.copy { margin-left: 0.5rem; font-size: 0.75rem; } button.sort { border: 0; padding: 0;
      background: none; font-weight: 600; text-align: left; cursor: pointer; }
    th[aria-sort=ascending] button::after { content: " \\25B2"; } th[aria-sort=descending] button::after { content: " \\25BC"; }
    .off a { opacity: 1; color: var(--quiet); font-weight: 400; text-decoration: none; }
    .alike { display: block; color: var(--quiet); font-weight: 400; font-size: 0.8rem; white-space: normal; }
    .legend { columns: 2; } .legend dd { break-before: avoid; } tr.differs { background: var(--panel); }
    #tip { position: absolute; z-index: 9; padding: 0.4rem 0.6rem; background: var(--panel); color: var(--ink);
      border: 1px solid var(--quiet); border-radius: 6px; font-size: 0.875rem; box-shadow: 0 2px 8px #0004; }
    .narrow { display: none; color: var(--quiet); }
    caption { max-width: 72rem; }
    @media (max-width: 48rem) {
      caption { max-width: calc(100vw - 3rem); } thead th { white-space: nowrap; }
      .narrow { display: block; } .wide > svg { display: none; } .legend { columns: 1; }
      tbody th { white-space: normal; overflow-wrap: anywhere; min-width: 6rem; max-width: 9rem; }
      th, td { padding: 0.3rem 0.4rem; } #controls { position: static; }
    }
    @media print {
      .tall { max-height: none; overflow: visible; } .wide { overflow: visible; }
      #controls, nav, .skip, button, #tip, #pair { display: none !important; }
      table { font-size: 7pt; } tr, article { break-inside: avoid; } td code { white-space: normal; }
      .tall thead th, .tall tbody th, .tall thead th:first-child { position: static; }
    }
    table { border-collapse: collapse; font-size: 0.875rem; }
    caption { text-align: left; padding: 0.25rem 0; }
    th, td { padding: 0.3rem 0.7rem; border-bottom: 1px solid var(--grid); text-align: left;
      vertical-align: top; }
    thead th { background: var(--panel); } tbody th { white-space: nowrap; } .number { text-align: right;
      font-variant-numeric: tabular-nums; }
    code { font: 0.85em/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
    td code { white-space: nowrap; overflow-wrap: normal; } td.words code { white-space: normal; }
    td.words { min-width: 11rem; } td.prose { min-width: 18rem; }
    dt { font-weight: 600; margin-top: 0.5rem; } dd { margin: 0 0 0 1rem; }
    details { margin: 0.5rem 0; border: 1px solid var(--grid); border-radius: 6px; padding: 0.4rem 0.8rem; }
    summary { cursor: pointer; font-weight: 600; }
    article { border-left: 3px solid var(--grid); padding-left: 0.9rem; margin: 1rem 0; }
    article:target, section:target > h2 { background: var(--panel); }
    .verdict { font-weight: 600; } .delivered { --tone: var(--good); } .refused { --tone: var(--warn); }
    .dropped, .fault, .lost, .misrouted, .corrupted { --tone: var(--bad); }
    .unknown { --tone: var(--quiet); } .verdict { color: var(--tone); }
    .share { display: block; width: 12rem; height: 0.8rem; background: var(--panel); margin-top: 0.3rem; }
    .share span { display: block; height: 100%; background: var(--accent); }
    .drawing { display: block; width: 100%; min-width: 48rem; height: auto; background: var(--panel);
      border-radius: 6px; }
    .drawing text { fill: var(--ink); font: 12px ui-monospace, monospace; }
    .drawing text.tick { fill: var(--quiet); font-size: 11px; } .drawing text.party { font-weight: 700; }
    .sequence text { paint-order: stroke; stroke: var(--panel); stroke-width: 5px; stroke-linejoin: round; }
    .drawing text.note { fill: var(--doorbell); }
    .grid { stroke: var(--grid); } .life { stroke: var(--grid); stroke-dasharray: 4 3; }
    .arrow { stroke: var(--accent); stroke-width: 1.5; } .head { fill: var(--accent); }
    .act { fill: var(--accent); } .window { fill: var(--window); }
    .range { stroke: var(--ink); stroke-width: 0.5; } .range.mapped { fill: var(--mapped); }
    .range.doorbell { fill: var(--doorbell); stroke: var(--doorbell); } .range.trapped { fill: var(--trapped); }
    .range.memory { fill: var(--memory); } .range.device { fill: var(--accent); }
    .edge.memory { fill: var(--memory); } .edge.trapped { fill: var(--trapped); }
    .edge.device { fill: var(--accent); } .edge.mapped { fill: var(--mapped); }
    .bar.low { fill: var(--accent); } .bar.high { fill: var(--mapped); opacity: 0.75; }
    .point { stroke: var(--ink); stroke-width: 2; }
    """
}
