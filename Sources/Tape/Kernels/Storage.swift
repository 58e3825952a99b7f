/// A growable block of numbers at aligned addresses.
///
/// Kernels take bare pointers for speed; they are made here and nowhere else, and `execute` is the
/// one place that checks them against the block.
final class Storage {
  private var base: UnsafeMutablePointer<Double>
  private(set) var capacity: Int

  private static let alignment = 64

  /// Reserves room for `capacity` numbers, all zero.
  init(capacity: Int) {
    self.capacity = max(capacity, 8)
    base = Self.allocate(self.capacity)
    base.initialize(repeating: 0, count: self.capacity)
  }

  deinit { base.deallocate() }

  private static func allocate(_ count: Int) -> UnsafeMutablePointer<Double> {
    UnsafeMutableRawPointer
      .allocate(byteCount: count * MemoryLayout<Double>.stride, alignment: alignment)
      .bindMemory(to: Double.self, capacity: count)
  }

  /// Makes room for at least `count` numbers, keeping what is there, in amortised constant time each.
  func reserve(_ count: Int) {
    guard count > capacity else { return }
    let newCapacity = max(count, 2 * capacity)
    let grown = Self.allocate(newCapacity)
    grown.update(from: base, count: capacity)
    (grown + capacity).initialize(repeating: 0, count: newCapacity - capacity)
    base.deallocate()
    base = grown
    capacity = newCapacity
  }

  /// The numbers at `offset ..< offset + count`.
  func read(_ offset: Int, _ count: Int) -> [Double] {
    check(offset, count)
    return Array(UnsafeBufferPointer(start: base + offset, count: count))
  }

  /// Writes `numbers` from `offset` on.
  func write(_ numbers: [Double], at offset: Int) {
    check(offset, numbers.count)
    numbers.withUnsafeBufferPointer { source in
      guard let start = source.baseAddress else { return }
      (base + offset).update(from: start, count: source.count)
    }
  }

  /// Runs `kernel` on operands that lie in this block.
  ///
  /// The caller keeps to what ``KernelCall`` demands about overlap; bounds are checked here.
  @inline(__always)
  func execute(_ kernel: Kernel, result: Slot, _ a: Slot, _ b: Slot, _ c: Slot) {
    check(result.offset, result.shape.count)
    kernel.run(
      KernelCall(
        result: base + result.offset, shape: result.shape, a: operand(a), b: operand(b),
        c: operand(c)))
  }

  @inline(__always)
  private func operand(_ slot: Slot) -> Operand {
    check(slot.offset, slot.shape.count)
    return Operand(base: base + slot.offset, shape: slot.shape)
  }

  @inline(__always)
  private func check(_ offset: Int, _ count: Int) {
    precondition(offset >= 0 && count <= capacity - offset, "outside of storage")
  }
}

/// Where a matrix lies in a block of storage.
struct Slot: Sendable {
  let offset: Int
  let shape: Shape
}
