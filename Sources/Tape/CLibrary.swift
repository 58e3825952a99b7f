#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

// What is taken of the C library, under names that no case of `Operation` and no method of `Variable`
// hides. This is the one place that names a platform.

package func scalarExp(_ x: Double) -> Double { exp(x) }
package func scalarLog(_ x: Double) -> Double { log(x) }
package func scalarLogOnePlus(_ x: Double) -> Double { log1p(x) }
package func scalarTanh(_ x: Double) -> Double { tanh(x) }
package func scalarSin(_ x: Double) -> Double { sin(x) }
package func scalarCos(_ x: Double) -> Double { cos(x) }
package func scalarArcTangent(_ y: Double, _ x: Double) -> Double { atan2(y, x) }

/// What stands in the environment under a name; nil if nothing does.
package func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

/// Lets another thread have this processor.
package func yieldProcessor() { sched_yield() }

/// The number as C's `printf` writes it; without a sign where it is not a number.
package func printed(_ number: Double, as format: String) -> String {
  if number.isNaN { return "nan" }
  func print(into text: inout [CChar]) -> Int {
    Int(withVaList([number]) { vsnprintf(&text, text.count, format, $0) })
  }
  // The largest number has 309 digits before the point.
  var text = Array(repeating: CChar(0), count: 400)
  let count = print(into: &text)
  if count >= text.count {
    text = Array(repeating: 0, count: count + 1)
    _ = print(into: &text)
  }
  return String(decoding: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
}
