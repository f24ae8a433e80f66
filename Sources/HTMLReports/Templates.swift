extension HTMLReport {
  /// The templates by name. `{{x}}` is escaped; nothing is inserted raw but the style sheet and the
  /// script, which are constants.
  static let templates = [
    "page": page, "document": document, "head": head, "facts": facts, "controls": controls,
    "foot": foot, "matrix": matrix, "outcomes": outcomes, "pair": pair, "legend": legend,
    "comparison": comparison, "costs": costs, "isolation": isolation, "findings": findings,
    "design": design, "stations": stations, "sequence": sequence, "map": map, "table": table,
    "machine": machine, "section": section, "block": block, "grid": grid,
  ]

  private static let head = """
    <!DOCTYPE html>
    <html lang="en" xmlns="http://www.w3.org/1999/xhtml">
    <head>
    <meta charset="utf-8"/>
    <meta name="viewport" content="width=device-width, initial-scale=1"/>
    <title>{{title}} - Doorbell {{version}}</title>
    <link rel="icon" href="data:,"/>
    <style>
    {{{style}}}
    </style>
    </head>
    <body>
    <a class="skip" href="#main">Skip to the results</a>

    """

  private static let facts = """
    <p class="quiet facts">Doorbell {{version}}{{#inputs}}; {{inputs}}{{/inputs}}</p>
    {{#command}}<p class="quiet facts"><code class="command">{{command}}</code></p>{{/command}}

    """

  private static let controls = """
    <form id="controls" hidden="hidden" aria-label="Filter">
    <label>Text <input type="search" name="text" placeholder="name, verdict or reason"/></label>
    <label class="of-matrix">Verdict <select name="verdict"><option value="">all</option></select></label>
    <label class="of-matrix">Design <select name="design"><option value="">all</option></select></label>
    <label class="of-matrix">Usage <select name="usage"><option value="">all</option></select></label>
    <label class="of-matrix">Order <select name="sort"><option value="">as given</option><option value="failures">most failures</option><option value="exits">fewest exits</option><option value="name">name</option></select></label>
    <label class="of-matrix"><input type="checkbox" name="failures"/> failures only</label>
    <label class="of-matrix"><input type="checkbox" name="fold"/> fold equal rows</label>
    <button type="reset">Reset</button>
    <span id="status" role="status"></span>
    </form>

    """

  private static let foot = """
    <script>
    {{{script}}}
    </script>
    </body>
    </html>

    """

  private static let page = """
    {{>head}}
    <header>
    <h1>{{title}}</h1>
    <p>{{purpose}}</p>
    <p class="quiet">{{conditions}}</p>
    {{>facts}}
    </header>
    <nav aria-label="Contents">
    <ul>
    {{#matrices}}<li><a href="#{{identifier}}">{{title}}</a></li>
    {{/matrices}}<li><a href="#comparison">Comparison</a></li>
    {{#latency}}<li><a href="#latency">Latency</a></li>{{/latency}}
    <li><a href="#exits">Exits</a></li>
    {{#isolation}}<li><a href="#isolation">Isolation</a></li>{{/isolation}}
    {{#machine}}<li><a href="#machine">Machine</a></li>{{/machine}}
    {{#designs}}<li><a href="#{{identifier}}">{{name}}</a></li>
    {{/designs}}{{#hasMatrices}}<li><a href="#outcomes">Reasons</a></li>{{/hasMatrices}}
    {{#isolation}}<li><a href="#findings">Findings of the attacks</a></li>{{/isolation}}
    </ul>
    </nav>
    <main id="main">
    {{#hasMatrices}}{{>controls}}
    <section id="matrices"><h2>Matrix</h2>
    <p>Each cell links to its reason, the commands that show it, and the journey of an MSI.</p>
    {{>legend}}
    {{#matrices}}{{>matrix}}{{/matrices}}
    <p class="quiet">Exits: low to high over the columns in which every MSI was delivered, or over all
    where none was.</p>
    {{>pair}}</section>{{/hasMatrices}}
    {{>comparison}}
    {{>costs}}
    {{#isolation}}{{>isolation}}{{/isolation}}
    {{#machine}}{{>machine}}{{/machine}}
    {{#designs}}{{>design}}{{/designs}}
    {{#hasMatrices}}<section id="outcomes"><h2>Reasons</h2>
    {{>outcomes}}</section>{{/hasMatrices}}
    {{#isolation}}<section id="findings"><h2>Findings of the attacks</h2>
    {{>findings}}</section>{{/isolation}}
    </main>
    <footer><p class="quiet">{{#assumption}}{{assumption}} {{/assumption}}Times are simulated.</p></footer>
    {{>foot}}
    """

  /// A page of tables and texts.
  private static let document = """
    {{>head}}
    <header>
    <h1>{{title}}</h1>
    <p>{{purpose}}</p>
    {{>facts}}
    </header>
    {{#hasContents}}<nav aria-label="Contents">
    <ul>
    {{#contents}}<li><a href="{{target}}">{{name}}</a></li>
    {{/contents}}</ul>
    </nav>{{/hasContents}}
    <main id="main">
    {{#sections}}{{>section}}{{/sections}}
    {{#designs}}{{>design}}{{/designs}}
    {{#tables}}{{>table}}{{/tables}}
    {{#isolation}}{{>isolation}}<section id="findings"><h2>Findings of the attacks</h2>
    {{>findings}}</section>{{/isolation}}
    {{#texts}}<section id="{{identifier}}"><h2>{{heading}}</h2>
    <div class="wide" role="region" tabindex="0" aria-label="{{heading}}"><pre>{{text}}</pre></div>
    </section>
    {{/texts}}
    {{#links}}<section id="{{identifier}}"><h2><a href="{{target}}">{{name}}</a></h2>
    <p>{{text}}</p></section>
    {{/links}}
    </main>
    {{#hasTimes}}<footer><p class="quiet">Times are simulated.</p></footer>
    {{/hasTimes}}{{>foot}}
    """

  private static let section = """
    <section id="{{identifier}}"><h2>{{heading}}</h2>
    {{#blocks}}{{>block}}{{/blocks}}</section>

    """

  /// A block has one of these; the point before a name keeps the look-up at the block itself.
  private static let block = """
    {{#.paragraph}}<p>{{.}}</p>
    {{/.paragraph}}{{#.note}}<p class="quiet">{{.}}</p>
    {{/.note}}{{#.verdict}}<p><span class="verdict {{tone}}">{{word}}</span> {{text}}</p>
    {{/.verdict}}{{#.command}}<p><code class="command">{{.}}</code></p>
    {{/.command}}{{#.list}}<ul>{{#items}}<li>{{.}}</li>
    {{/items}}</ul>
    {{/.list}}{{#.lines}}<pre class="lines">{{.}}</pre>
    {{/.lines}}{{#.table}}{{>grid}}{{/.table}}{{#.folded}}<details><summary>{{title}}</summary>
    {{#blocks}}{{>block}}{{/blocks}}</details>
    {{/.folded}}
    """

  private static let grid = """
    <div class="wide" role="region" tabindex="0" aria-label="{{caption}}">
    <table>
    <caption>{{caption}}</caption>
    <thead><tr>{{#columns}}<th scope="col">{{.}}</th>{{/columns}}</tr></thead>
    <tbody>
    {{#rows}}<tr><th scope="row">{{name}}</th>{{#cells}}<td class="{{style}}">{{text}}</td>{{/cells}}</tr>
    {{/rows}}</tbody>
    </table>
    </div>

    """

  private static let table = """
    <section id="{{identifier}}"><h2>{{heading}}</h2>
    {{#isFiltered}}{{>controls}}{{/isFiltered}}
    <div class="wide tall" role="region" tabindex="0" aria-label="{{heading}}">
    <table class="sortable">
    <caption>{{caption}}</caption>
    <thead><tr>{{#columns}}<th scope="col">{{.}}</th>{{/columns}}</tr></thead>
    <tbody>
    {{#rows}}<tr><th scope="row">{{name}}</th>{{#cells}}<td class="{{style}}">{{text}}</td>{{/cells}}</tr>
    {{/rows}}</tbody>
    </table>
    </div>
    </section>

    """

  private static let legend = """
    <details id="legend"><summary>Legend</summary>
    <dl class="legend">
    {{#legend}}<dt><span class="verdict {{verdict}}">{{word}}</span></dt><dd>{{meaning}}</dd>
    {{/legend}}</dl>
    </details>

    """

  private static let pair = """
    <details id="pair" hidden="hidden"><summary>Two designs side by side</summary>
    <p><label>One <select></select></label> <label>Other <select></select></label>
    <label><input type="checkbox" checked="checked"/> differences only</label> <output></output></p>
    <div class="wide" role="region" tabindex="0" aria-label="Two designs side by side">
    <table>
    <caption>The results of two designs, condition by condition</caption>
    <thead><tr><th scope="col">condition</th><th scope="col">one</th><th scope="col">other</th></tr></thead>
    <tbody></tbody>
    </table>
    </div>
    </details>

    """

  private static let machine = """
    <section id="machine"><h2>Machine</h2>
    <p>What stands where, the highest address first, and how devices reach SMMUs and ITSs. Boxes are
    not to scale. 'doorbell machine show' prints the same as a table.</p>
    <div class="wide" role="region" tabindex="0" aria-label="Machine {{name}}">
    <svg class="drawing machine" viewBox="0 0 {{width}} {{height}}" role="img" aria-labelledby="machine-t machine-d">
    <title id="machine-t">Machine {{name}}</title>
    <desc id="machine-d">The address maps of the physical machine and of each VM, and the devices with their SMMUs and ITSs.</desc>
    {{#titles}}<text class="party" x="{{x}}" y="20">{{text}}</text>
    {{/titles}}{{#lines}}<line class="arrow" x1="{{fromX}}" y1="{{fromY}}" x2="{{toX}}" y2="{{toY}}"/>
    {{/lines}}{{#boxes}}<rect class="edge {{style}}" x="{{x}}" y="{{y}}" width="5" height="34"/><text class="label" x="{{labelX}}" y="{{labelY}}">{{label}}</text><text class="tick" x="{{labelX}}" y="{{detailY}}">{{detail}}</text>
    {{/boxes}}</svg>
    </div>
    {{#hasNotes}}<dl>
    {{#notes}}<dt>{{kind}}</dt><dd>{{text}}</dd>
    {{/notes}}</dl>{{/hasNotes}}
    </section>

    """

  private static let matrix = """
    <div class="wide tall" role="region" tabindex="0" aria-label="{{title}}" id="{{identifier}}">
    <table class="matrix">
    <caption>{{title}}: {{caption}}</caption>
    <thead><tr><th scope="col">design</th>{{#columns}}<th scope="col">{{.}}</th>{{/columns}}<th scope="col">exits at set-up</th><th scope="col">exits per MSI</th></tr></thead>
    <tbody>
    {{#rows}}<tr><th scope="row">{{name}}</th>
    {{#cells}}<td><a id="{{identifier}}" class="verdict {{verdict}}" data-v="{{verdict}}" href="#{{outcome}}">{{label}}</a></td>
    {{/cells}}<td class="number">{{setupExits}}</td><td class="number">{{exitsPerMessage}}</td></tr>
    {{/rows}}</tbody>
    </table>
    </div>

    """

  private static let outcomes = """
    {{#outcomes}}<article id="{{identifier}}">
    <h3>{{heading}}</h3>
    <p class="why">{{why}}</p>
    <p><code class="command">{{command}}</code></p>
    {{#isRepeated}}<details><summary>{{summary}}</summary>
    <ul class="places">
    {{#places}}<li><a href="#{{identifier}}">{{column}}</a> <code class="command">{{command}}</code></li>
    {{/places}}</ul></details>{{/isRepeated}}
    {{#hasStations}}<details><summary>{{journeyTitle}}</summary>
    {{>stations}}</details>{{/hasStations}}
    <p><a href="#matrices">Back to the matrix</a></p>
    </article>
    {{/outcomes}}
    """

  private static let comparison = """
    <section id="comparison"><h2>Comparison</h2>
    <div class="wide" role="region" tabindex="0" aria-label="Comparison">
    <table>
    <caption>The result of each design. Names link to the design's journey and maps.</caption>
    <thead><tr><th scope="col">design</th>{{#columns}}<th scope="col">{{.}}</th>{{/columns}}</tr></thead>
    <tbody>
    {{#results}}<tr class="{{verdict}}"><th scope="row"><a href="#{{link}}">{{name}}</a></th>
    {{#values}}<td>{{.}}</td>{{/values}}</tr>
    {{/results}}</tbody>
    </table>
    </div>
    <dl>
    {{#results}}<dt>{{name}} <span class="verdict {{verdict}}">{{verdict}}</span></dt><dd>{{why}}</dd>
    {{#reservation}}<dd class="quiet">{{reservation}}</dd>
    {{/reservation}}{{/results}}</dl>
    </section>

    """

  private static let costs = """
    {{#latency}}<section id="latency"><h2>Latency</h2>
    <p>From the device's write to the guest handler's start, in microseconds. A bar reaches from the
    median to the longest; where the cost model has ranges, the upper bar has them at their low
    ends and the lower bar at their high ends. Lines mark p50 and p99.</p>
    <div class="wide" role="region" tabindex="0" aria-label="Drawing of latencies">
    <p class="narrow">The drawing needs a wider window; the table below has its numbers.</p>
    <svg class="drawing" viewBox="0 0 {{width}} {{height}}" role="img" aria-labelledby="latency-t latency-d">
    <title id="latency-t">Latency percentiles of each design</title>
    <desc id="latency-d">Bars on one scale; the table below has the numbers.</desc>
    {{#ticks}}<line class="grid" x1="{{x}}" y1="6" x2="{{x}}" y2="{{axisY}}"/><text class="tick" text-anchor="middle" x="{{x}}" y="{{tickY}}">{{text}}</text>
    {{/ticks}}{{#rows}}<text class="label" x="8" y="{{labelY}}">{{name}}</text>
    {{#bars}}<rect class="bar {{style}}" x="{{x}}" y="{{y}}" width="{{width}}" height="12"/>{{/bars}}
    {{#points}}<line class="point" x1="{{x}}" y1="{{fromY}}" x2="{{x}}" y2="{{toY}}"><title>{{name}}</title></line>{{/points}}
    {{/rows}}</svg>
    </div>
    <div class="wide" role="region" tabindex="0" aria-label="Latency percentiles">
    <table>
    <caption>Percentiles in microseconds (HdrHistogram); two numbers are the ends of the cost model's ranges</caption>
    <thead><tr><th scope="col">design</th><th scope="col">p50</th><th scope="col">p90</th><th scope="col">p99</th><th scope="col">p99.9</th><th scope="col">longest</th></tr></thead>
    <tbody>
    {{#percentiles}}<tr><th scope="row">{{name}}</th>{{#times}}<td class="number">{{.}}</td>{{/times}}</tr>
    {{/percentiles}}</tbody>
    </table>
    </div>
    </section>{{/latency}}
    <section id="exits"><h2>Exits</h2>
    <div class="wide" role="region" tabindex="0" aria-label="Exits">
    <table>
    <caption>Exits of the guest's virtual CPUs over the whole run</caption>
    <thead><tr><th scope="col">design</th><th scope="col">when</th><th scope="col">guest's kernel</th><th scope="col">cause</th><th scope="col">reads</th><th scope="col">writes</th><th scope="col">exits</th><th scope="col">share of the largest</th></tr></thead>
    {{#exits}}<tbody>
    <tr><th scope="rowgroup" rowspan="{{height}}">{{name}}</th><td colspan="7">{{sum}}</td></tr>
    {{#rows}}<tr><td>{{when}}</td><td>{{phase}}</td><td>{{cause}}</td><td class="number">{{reads}}</td><td class="number">{{writes}}</td><td class="number">{{count}}</td><td><span class="share"><span style="width: {{share}}%"></span></span></td></tr>
    {{/rows}}</tbody>
    {{/exits}}</table>
    </div>
    </section>

    """

  private static let design = """
    <section id="{{identifier}}"><h2>{{name}}{{star}}</h2>
    <p>{{description}}</p>
    {{#reservation}}<p>{{reservation}}</p>
    {{/reservation}}<p class="quiet">Source: {{source}}</p>
    <p><span class="verdict {{verdict}}">{{verdict}}</span> {{why}}</p>
    {{#hasBeliefs}}<h3>Each party's address of the doorbell</h3>
    <div class="wide" role="region" tabindex="0" aria-label="Beliefs under {{name}}">
    <table>
    <caption>When the MSI leaves the device</caption>
    <thead><tr><th scope="col">agent</th><th scope="col">piece</th><th scope="col">address of the doorbell</th><th scope="col">since step</th></tr></thead>
    <tbody>
    {{#beliefs}}<tr><th scope="row">{{agent}}</th><td>{{holder}}</td><td><code>{{text}}</code></td><td class="number">{{step}}</td></tr>
    {{/beliefs}}</tbody>
    </table>
    </div>{{/hasBeliefs}}
    {{#map}}{{>map}}{{/map}}
    {{#stages}}<details><summary>{{title}}: all that its tables map</summary>
    {{#isEmpty}}<p>Nothing.</p>{{/isEmpty}}{{^isEmpty}}<div class="wide" role="region" tabindex="0" aria-label="{{title}}">
    <table>
    <caption>{{title}}, read from the tables in memory</caption>
    <thead><tr><th scope="col">{{input}}</th><th scope="col">length</th><th scope="col">{{output}}</th><th scope="col">access</th></tr></thead>
    <tbody>
    {{#ranges}}<tr><td><code>{{from}}</code></td><td><code>{{length}}</code></td><td><code>{{target}}</code></td><td><code>{{access}}</code></td></tr>
    {{/ranges}}</tbody>
    </table>
    </div>{{/isEmpty}}
    </details>
    {{/stages}}<h3>Journey of an MSI</h3>
    {{#journey}}{{>sequence}}{{/journey}}
    {{^hasStations}}<p>No MSI was sent.</p>{{/hasStations}}
    {{#hasStations}}<details><summary>Every station, as a table</summary>
    {{>stations}}</details>{{/hasStations}}
    <h3>Set-up</h3>
    <details><summary>Sequence diagram of set-up</summary>
    {{#setup}}{{>sequence}}{{/setup}}
    </details>
    <details><summary>Every step, as a table</summary>
    <div class="wide" role="region" tabindex="0" aria-label="Steps of set-up under {{name}}">
    <table>
    <caption>Steps in the order in which they happened</caption>
    <thead><tr><th scope="col">step</th><th scope="col">agent</th><th scope="col">function</th><th scope="col">what it does</th></tr></thead>
    <tbody>
    {{#steps}}<tr><th scope="row">{{numbers}}</th><td>{{agent}}</td><td><code>{{function}}</code></td><td>{{text}}{{#belief}}<br/><strong>believes: {{belief}}</strong>{{/belief}}</td></tr>
    {{/steps}}</tbody>
    </table>
    </div>
    </details>
    </section>

    """

  private static let isolation = """
    <section id="isolation"><h2>Isolation</h2>
    <p>What a hostile device or guest reached when it was let loose on the models. Each cell is the
    result of a run and links to what shows it.</p>
    <div class="wide" role="region" tabindex="0" aria-label="Isolation">
    <table>
    <caption>Attacks by designs</caption>
    <thead><tr><th scope="col">attack</th><th scope="col">what the actor does</th>{{#attackedDesigns}}<th scope="col">{{.}}</th>{{/attackedDesigns}}</tr></thead>
    <tbody>
    {{#attacks}}<tr><th scope="row">{{attack}}</th><td class="prose">{{action}}</td>
    {{#cells}}<td>{{#target}}<a class="verdict {{tone}}" href="#{{target}}">{{outcome}}</a>{{/target}}{{^target}}{{outcome}}{{/target}}</td>
    {{/cells}}</tr>
    {{/attacks}}</tbody>
    </table>
    </div>
    </section>

    """

  private static let findings = """
    {{#findings}}<article id="{{anchor}}">
    <h3>{{finding}}</h3>
    <p><span class="verdict {{tone}}">{{outcome}}</span> {{detail}}</p>
    <p class="quiet">A breach would be: {{breach}}</p>
    {{#measures}}<p class="quiet">{{measures}}</p>{{/measures}}
    {{#hasStations}}<details><summary>The way of the access</summary>
    {{>stations}}</details>{{/hasStations}}
    <p><a href="#isolation">Back to the attacks</a></p>
    </article>
    {{/findings}}

    """

  private static let stations = """
    <div class="wide" role="region" tabindex="0" aria-label="Stations">
    <table>
    <caption>Nothing is cached, so that every table read shows; times are nanoseconds since the device's write</caption>
    <thead><tr><th scope="col">ns</th><th scope="col">station</th><th scope="col">address</th><th scope="col">words</th><th scope="col">meaning</th></tr></thead>
    <tbody>
    {{#stations}}<tr><td class="number">{{time}}</td><th scope="row">{{station}}</th><td><code>{{address}}</code></td><td class="words"><code>{{words}}</code></td><td>{{meaning}}</td></tr>
    {{/stations}}</tbody>
    </table>
    </div>

    """

  private static let sequence = """
    <div class="wide" role="region" tabindex="0" aria-label="{{title}}">
    <p class="narrow">The drawing needs a wider window; the table below has its steps.</p>
    <svg class="drawing sequence" viewBox="0 0 {{width}} {{height}}" role="img" aria-labelledby="{{identifier}}-t {{identifier}}-d">
    <title id="{{identifier}}-t">{{title}}</title>
    <desc id="{{identifier}}-d">{{description}}</desc>
    {{#lifelines}}<text class="party" text-anchor="middle" x="{{x}}" y="16">{{name}}</text><line class="life" x1="{{x}}" y1="24" x2="{{x}}" y2="{{lifeEnd}}"/>
    {{/lifelines}}{{#acts}}{{#arrow}}<line class="arrow" x1="{{fromX}}" y1="{{y}}" x2="{{toX}}" y2="{{y}}"/><polygon class="head" points="{{head}}"/>{{/arrow}}<rect class="act" x="{{boxX}}" y="{{y}}" width="10" height="{{boxHeight}}"/>
    {{#lines}}<text class="{{style}}" text-anchor="{{anchor}}" x="{{x}}" y="{{y}}">{{text}}</text>
    {{/lines}}{{/acts}}</svg>
    </div>

    """

  private static let map = """
    <h3>Address maps around the software MSI window</h3>
    <div class="wide" role="region" tabindex="0" aria-label="Address maps under {{design}}">
    <p class="narrow">The drawing needs a wider window; the table below has its numbers.</p>
    <svg class="drawing" viewBox="0 0 {{width}} {{height}}" role="img" aria-labelledby="{{identifier}}-t {{identifier}}-d">
    <title id="{{identifier}}-t">Addresses around 0x8000000 under {{design}}</title>
    <desc id="{{identifier}}-d">Three views of addresses from 0x7f00000 to 0x8200000: stage 1 of the device, stage 2 of the device, and the guest's CPUs. The numbers are those of the table below.</desc>
    <rect class="window" x="{{windowX}}" y="14" width="{{windowWidth}}" height="{{windowHeight}}"/>
    <text class="tick" x="{{windowX}}" y="10">software MSI window</text>
    {{#views}}<text class="label" x="8" y="{{labelY}}">{{name}}</text><text class="tick" x="8" y="{{remarkY}}" dy="12">{{space}}</text><line class="grid" x1="190" y1="{{baseline}}" x2="960" y2="{{baseline}}"/>
    {{#remark}}<text class="tick" x="200" y="{{remarkY}}">{{remark}}</text>{{/remark}}
    {{#marks}}<rect class="range {{style}}" x="{{x}}" y="{{y}}" width="{{width}}" height="20"/><text class="tick" text-anchor="middle" x="{{labelX}}" y="{{labelY}}">{{number}}</text>
    {{/marks}}{{/views}}{{#ticks}}<text class="tick" text-anchor="middle" x="{{x}}" y="{{tickY}}">{{text}}</text>
    {{/ticks}}</svg>
    </div>
    <div class="wide" role="region" tabindex="0" aria-label="Ranges under {{design}}">
    <table>
    <caption>Ranges of the drawing, and what leads to a doorbell elsewhere</caption>
    <thead><tr><th scope="col">number</th><th scope="col">view</th><th scope="col">from</th><th scope="col">length</th><th scope="col">to</th><th scope="col">what it is</th></tr></thead>
    <tbody>
    {{#rows}}<tr><th scope="row">{{number}}</th><td>{{view}}</td><td><code>{{from}}</code></td><td><code>{{length}}</code></td><td><code>{{target}}</code></td><td>{{meaning}}</td></tr>
    {{/rows}}</tbody>
    </table>
    </div>

    """
}
