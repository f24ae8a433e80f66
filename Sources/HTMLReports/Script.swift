extension HTMLReport {
  /// Script of a page: filters, sorting, folding, reasons beside the pointer and the focus, two
  /// designs side by side, copying of commands. Without it, everything is still there and every
  /// link works.
  ///
  /// It reads the page's own tables, so that nothing stands twice, and needs no network.
  static let script = #"""
    //<![CDATA[
    (() => {
    'use strict';
    const all = (selector, root = document) => [...root.querySelectorAll(selector)];
    const make = (name, properties = {}, ...children) => {
      const element = Object.assign(document.createElement(name), properties);
      element.append(...children);
      return element;
    };
    document.documentElement.classList.add('live');
    const status = document.getElementById('status');
    const say = text => { if (status) status.textContent = text; };

    // Commands.
    const copy = async text => {
      try { await navigator.clipboard.writeText(text); return true; } catch { /* an older way */ }
      const field = make('textarea', { value: text });
      document.body.append(field);
      field.select();
      const done = document.execCommand('copy');
      field.remove();
      return done;
    };
    const addCopyButtons = root => {
      for (const code of all('code.command', root)) {
        if (code.nextElementSibling?.className === 'copy') continue;
        const button = make('button', { type: 'button', className: 'copy', textContent: 'copy' });
        button.setAttribute('aria-label', `Copy ${code.textContent}`);
        button.addEventListener('click', async () => {
          const done = await copy(code.textContent);
          button.textContent = done ? 'copied' : 'not copied';
          say(done ? 'Copied.' : 'The browser does not copy.');
          setTimeout(() => { button.textContent = 'copy'; }, 1500);
        });
        code.after(button);
      }
    };
    for (const code of all('code.command')) {
      const fold = code.closest('details');
      if (!fold) addCopyButtons(code.parentElement);
      else fold.addEventListener('toggle', () => addCopyButtons(fold), { once: true });
    }

    // A link to what is folded opens it.
    const open = () => {
      const id = decodeURIComponent(location.hash.slice(1));
      const target = id ? document.getElementById(id) : null;
      for (let e = target; e; e = e.parentElement) if (e.tagName === 'DETAILS') e.open = true;
      target?.scrollIntoView();
    };
    addEventListener('hashchange', open);
    let closed = [];
    addEventListener('beforeprint', () => {
      closed = all('details:not([open])');
      for (const e of closed) e.open = true;
    });
    addEventListener('afterprint', () => { for (const e of closed) e.open = false; });

    // Matrices.
    const why = link => document.getElementById(link.hash.slice(1))?.querySelector('.why')?.textContent ?? '';
    const tables = all('table.matrix').map(table => ({
      table,
      box: table.closest('.wide'),
      heads: all('thead th', table).slice(1, -2).map(th => ({ th, title: th.textContent })),
      rows: all('tbody tr', table).map((tr, order) => {
        const cells = all('td', tr).slice(0, -2).map(td => {
          const link = td.querySelector('a');
          return { td, link, label: link.textContent, verdict: link.dataset.v, why: why(link) };
        });
        const exits = parseFloat(tr.lastElementChild.textContent);
        return { tr, order, cells, name: tr.querySelector('th').textContent,
          failures: cells.filter(c => c.verdict !== 'delivered').length,
          exits: Number.isNaN(exits) ? Infinity : exits };
      }),
    }));
    const form = document.getElementById('controls');
    const value = name => form?.elements[name]?.value ?? '';
    const isOn = name => Boolean(form?.elements[name]?.checked);
    const words = (list, select) => {
      for (const word of [...new Set(list)]) select?.append(make('option', { value: word, textContent: word }));
    };

    const fold = (rows, columns) => {
      const known = new Map();
      for (const row of rows) {
        row.tr.querySelector('.alike')?.remove();
        if (row.tr.hidden || !isOn('fold')) continue;
        const key = row.cells.filter((_, i) => columns[i]).map(c => c.label).join('|');
        const first = known.get(key);
        if (!first) { known.set(key, row); continue; }
        row.tr.hidden = true;
        const head = first.tr.querySelector('th');
        const note = head.querySelector('.alike') ?? head.appendChild(make('span', { className: 'alike' }));
        note.textContent += (note.textContent ? ', ' : 'alike: ') + row.name;
      }
    };

    const apply = () => {
      const text = value('text').toLowerCase();
      const verdict = value('verdict');
      let shown = 0;
      let count = 0;
      for (const { table, box, heads, rows } of tables) {
        const columns = heads.map(h => !value('usage') || h.title.split(', ').includes(value('usage')));
        heads.forEach((h, i) => { h.th.hidden = !columns[i]; });
        for (const row of rows) {
          const matches = row.cells.map((c, i) => columns[i] && (!verdict || c.verdict === verdict)
            && !(isOn('failures') && c.verdict === 'delivered')
            && (!text || `${row.name} ${heads[i].title} ${c.label} ${c.why}`.toLowerCase().includes(text)));
          row.cells.forEach((c, i) => {
            c.td.hidden = !columns[i];
            c.td.classList.toggle('off', !matches[i]);
          });
          row.tr.hidden = (value('design') && row.name !== value('design')) || !matches.some(Boolean);
        }
        const by = { name: (a, b) => a.name.localeCompare(b.name), failures: (a, b) => b.failures - a.failures,
          exits: (a, b) => a.exits - b.exits }[value('sort')] ?? (() => 0);
        const sorted = [...rows].sort((a, b) => by(a, b) || a.order - b.order);
        table.tBodies[0].append(...sorted.map(r => r.tr));
        fold(sorted, columns);
        const visible = rows.filter(r => !r.tr.hidden).length;
        shown += visible;
        count += rows.length;
        box.hidden = visible === 0;
      }
      for (const table of all('table.sortable')) {
        for (const tr of table.tBodies[0].rows) {
          tr.hidden = text !== '' && !tr.textContent.toLowerCase().includes(text);
          count += 1;
          shown += tr.hidden ? 0 : 1;
        }
      }
      say(`${shown} of ${count} rows`);
      remember();
    };

    // The state of the controls is part of the address, to be sent to others.
    const remember = () => {
      const state = new URLSearchParams();
      for (const e of form.elements) {
        if (!e.name) continue;
        if (e.type === 'checkbox') { if (e.checked) state.set(e.name, '1'); }
        else if (e.value) state.set(e.name, e.value);
      }
      const text = state.toString();
      if (text === '' && !location.hash.startsWith('#?')) return;
      try { history.replaceState(null, '', text ? `#?${text}` : location.pathname); } catch { /* no history */ }
    };
    const recall = () => {
      if (!location.hash.startsWith('#?')) return;
      for (const [name, text] of new URLSearchParams(location.hash.slice(2))) {
        const e = form.elements[name];
        if (!e) continue;
        if (e.type === 'checkbox') e.checked = true; else e.value = text;
      }
    };

    if (form && (tables.length || document.querySelector('table.sortable'))) {
      form.hidden = false;
      const designs = tables.flatMap(t => t.rows.map(r => r.name));
      words(designs, form.elements.design);
      words(tables.flatMap(t => t.heads.map(h => h.title.split(', ')[0])), form.elements.usage);
      words(tables.flatMap(t => t.rows.flatMap(r => r.cells.map(c => c.verdict))), form.elements.verdict);
      if (!tables.length) for (const e of all('.of-matrix', form)) e.hidden = true;
      recall();
      form.addEventListener('input', apply);
      form.addEventListener('submit', event => event.preventDefault());
      form.addEventListener('reset', () => setTimeout(apply, 0));
      apply();

      // Two designs side by side.
      const pair = document.getElementById('pair');
      if (pair && new Set(designs).size > 1) {
        pair.hidden = false;
        const [left, right] = all('select', pair);
        words(designs, left);
        words(designs, right);
        right.selectedIndex = 1;
        const body = pair.querySelector('tbody');
        const show = () => {
          body.textContent = '';
          all('thead th', pair).slice(1).forEach((th, i) => { th.textContent = [left, right][i].value; });
          let differences = 0;
          tables.forEach(({ heads, rows }) => {
            const [a, b] = [left, right].map(s => rows.find(r => r.name === s.value));
            if (!a || !b) return;
            heads.forEach((h, i) => {
              const differs = a.cells[i].label !== b.cells[i].label;
              differences += differs ? 1 : 0;
              if (!differs && pair.querySelector('input').checked) return;
              const cell = c => make('td', {}, c.link.cloneNode(true));
              const tr = make('tr', { className: differs ? 'differs' : '' }, make('th', { scope: 'row', textContent: h.title }),
                cell(a.cells[i]), cell(b.cells[i]));
              for (const link of all('a', tr)) link.removeAttribute('id');
              body.append(tr);
            });
          });
          pair.querySelector('output').textContent = `${differences} differences`;
        };
        pair.addEventListener('input', show);
        show();
      }
    }

    // Reasons beside the pointer and the focus.
    const tip = make('div', { id: 'tip', hidden: true });
    tip.setAttribute('role', 'tooltip');
    document.body.append(tip);
    const showTip = link => {
      const text = why(link);
      if (!text) return;
      tip.textContent = text;
      tip.hidden = false;
      link.setAttribute('aria-describedby', 'tip');
      const box = link.getBoundingClientRect();
      const width = Math.min(420, document.documentElement.clientWidth - 16);
      tip.style.maxWidth = `${width}px`;
      tip.style.left = `${Math.max(8, Math.min(box.left, document.documentElement.clientWidth - width - 8)) + scrollX}px`;
      tip.style.top = `${box.bottom + 6 + scrollY}px`;
    };
    const hideTip = () => {
      tip.hidden = true;
      document.querySelector('[aria-describedby="tip"]')?.removeAttribute('aria-describedby');
    };
    for (const name of ['mouseover', 'focusin']) {
      document.addEventListener(name, event => {
        const link = event.target.closest?.('table.matrix a.verdict, #pair a.verdict');
        if (link) showTip(link); else if (name === 'mouseover') hideTip();
      });
    }
    document.addEventListener('focusout', hideTip);

    // The arrow keys walk over a matrix; Escape takes the reason away.
    document.addEventListener('keydown', event => {
      if (event.key === 'Escape') return hideTip();
      const td = event.target.closest?.('table.matrix td');
      const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
      if (!td || !step) return;
      const rows = all('tr', td.closest('tbody')).filter(r => !r.hidden);
      const cells = r => all('td', r).filter(c => !c.hidden);
      const row = rows.indexOf(td.parentElement);
      const next = rows[row + step[0]];
      const link = next && cells(next)[cells(td.parentElement).indexOf(td) + step[1]]?.querySelector('a');
      if (link) { event.preventDefault(); link.focus(); }
    });

    // Tables that are sorted by a click on a heading.
    const compare = (a, b) => {
      const [x, y] = [a, b].map(t => parseFloat(t));
      return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y || a.localeCompare(b);
    };
    for (const table of all('table.sortable')) {
      all('thead th', table).forEach((th, column) => {
        const button = make('button', { type: 'button', className: 'sort' }, ...th.childNodes);
        th.append(button);
        button.addEventListener('click', () => {
          const falls = th.getAttribute('aria-sort') === 'ascending';
          for (const other of all('thead th', table)) other.removeAttribute('aria-sort');
          th.setAttribute('aria-sort', falls ? 'descending' : 'ascending');
          const rows = [...table.tBodies[0].rows];
          rows.sort((a, b) => compare(a.cells[column].textContent, b.cells[column].textContent) * (falls ? -1 : 1));
          table.tBodies[0].append(...rows);
        });
      });
    }
    open();
    })();
    //]]>
    """#
}
