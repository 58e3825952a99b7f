import Foundation
import TestSupport

/// A headless browser of the system, where there is one, that looks at a page.
struct Browser {
  /// What it found wrong with a page at a width.
  struct Findings: Decodable {
    var width: Int
    var scrollWidth: Int
    var errors: [String]
    /// Elements that stick out of the page, or texts that stick out of their picture.
    var overflows: [String]
    /// Texts of a picture that lie on each other.
    var overlaps: [String]
    var textLength: Int
  }

  static let executable: URL? =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    .flatMap { name in ["/usr/bin/", "/usr/local/bin/", "/snap/bin/"].map { $0 + name } }
    .first { FileManager.default.isExecutableFile(atPath: $0) }
    .map(URL.init(fileURLWithPath:))

  /// Opens the page in a frame of the given width and measures it there: a window is never as narrow as a
  /// phone.
  static func open(_ page: String, width: Int, isDark: Bool = false) throws -> Findings? {
    guard let executable else { return nil }
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    // What the page itself says of errors comes first, so that none is missed.
    let listener = "<script>onerror = m => parent.errors.push(String(m));</script>"
    try Data(page.replacing("<head>", with: "<head>\(listener)").utf8)
      .write(to: folder.appendingPathComponent("page.html"))
    try Data(probe(width).utf8).write(to: folder.appendingPathComponent("probe.html"))
    let output = folder.appendingPathComponent("output")
    try Data().write(to: output)

    let process = Process()
    process.executableURL = executable
    process.arguments = [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
      "--allow-file-access-from-files", "--enable-logging=stderr", "--virtual-time-budget=5000",
      "--user-data-dir=\(folder.appendingPathComponent("profile").path)", "--dump-dom",
      "--blink-settings=preferredColorScheme=\(isDark ? 0 : 1)",
      folder.appendingPathComponent("probe.html").absoluteString,
    ]
    process.standardOutput = try FileHandle(forWritingTo: output)
    let log = folder.appendingPathComponent("log")
    try Data().write(to: log)
    process.standardError = try FileHandle(forWritingTo: log)
    try process.run()
    process.waitUntilExit()
    let dump = try String(contentsOf: output, encoding: .utf8)
    guard let json = dump.firstMatch(of: /FINDINGS(.*?)SGNIDNIF/.dotMatchesNewlines())?.1 else {
      return nil
    }
    let plain = json.replacing("&amp;", with: "&").replacing("&lt;", with: "<")
      .replacing("&gt;", with: ">")
    var findings = try JSONDecoder().decode(Findings.self, from: Data(plain.utf8))
    findings.errors += try String(contentsOf: log, encoding: .utf8).split(separator: "\n")
      .filter { $0.contains("CONSOLE") }.map(String.init)
    return findings
  }

  private static func probe(_ width: Int) -> String {
    """
    <!doctype html><meta charset="utf-8"><body><script>
    window.errors = [];
    const frame = document.createElement("iframe");
    frame.style.cssText = "border:0;width:\(width)px;height:900px";
    frame.onload = () => {
      const page = frame.contentDocument, root = page.documentElement, found = [], overlaps = [];
      page.querySelectorAll("details").forEach(d => d.open = true);
      const scrolls = e => { for (let p = e.parentElement; p; p = p.parentElement) {
        const o = frame.contentWindow.getComputedStyle(p).overflowX;
        if (o === "auto" || o === "scroll") return true; } return false; };
      for (const e of page.body.querySelectorAll("*")) {
        const box = e.getBoundingClientRect();
        if (box.width && box.right > root.clientWidth + 0.5 && !scrolls(e))
          found.push(`${e.tagName} ${(e.textContent || "").slice(0, 40)} ends at ${box.right}`);
      }
      for (const svg of page.querySelectorAll("svg[role=img]")) {
        const frame = svg.getBoundingClientRect();
        const texts = [...svg.querySelectorAll("text")].map(t => [t, t.getBoundingClientRect()]);
        for (const [t, b] of texts) if (b.left < frame.left - 1 || b.right > frame.right + 1
          || b.top < frame.top - 1 || b.bottom > frame.bottom + 1)
          found.push(`${t.textContent} sticks out of its picture`);
        texts.forEach(([t, a], i) => texts.slice(i + 1).forEach(([u, b]) => {
          const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
          const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
          if (across > 2 && down > 3 && !t.closest(".edges") && !u.closest(".edges"))
            overlaps.push(`${t.textContent} on ${u.textContent}`);
        }));
      }
      const answer = { width: \(width), scrollWidth: root.scrollWidth, errors: window.errors,
        overflows: found, overlaps, textLength: page.body.innerText.length };
      const text = document.createElement("pre");
      text.textContent = "FINDINGS" + JSON.stringify(answer) + "SGNIDNIF";
      frame.remove();
      document.querySelectorAll("script").forEach(s => s.remove());
      document.body.append(text);
    };
    frame.src = "page.html";
    document.body.append(frame);
    </script></body>
    """
  }
}
