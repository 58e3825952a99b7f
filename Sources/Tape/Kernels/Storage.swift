import KernelInterface

/// A growable block of numbers at aligned addresses.
///
/// Kernels take bare pointers for speed. `execute` checks them against the block at every call; a
/// ``Workspace`` makes its own, and checks the blocks once, when they are bound.
package final class Storage {
  private(set) var base, scratch: UnsafeMutablePointer<Double>
  private var capacity, scratchCapacity: Int

  /// Numbers beyond the capacity that a kernel may read, but not use, at the end of a row.
  static let slack = 16

  /// Reserves room for `capacity` numbers, all zero.
  package init(capacity: Int, scratch scratchCapacity: Int = 0) {
    (self.capacity, self.scratchCapacity) = (capacity, scratchCapacity)
    (base, scratch) = (Self.allocate(capacity), Self.allocate(scratchCapacity))
  }

  /// The numbers for which there is room, scratch among them.
  package var reservedCount: Int { capacity + scratchCapacity }

  deinit {
    base.deallocate()
    scratch.deallocate()
  }

  /// Zeros, the slack behind them included, at an address that suits the widest registers.
  private static func allocate(_ count: Int) -> UnsafeMutablePointer<Double> {
    let bytes = (count + slack) * MemoryLayout<Double>.stride
    return UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
      .initializeMemory(as: Double.self, repeating: 0, count: count + slack)
  }

  /// Makes room for at least `count` numbers, keeping what is there, in amortised constant time each.
  func reserve(_ count: Int, scratch scratchCount: Int = 0) {
    if count > capacity {
      let newCapacity = max(count, 2 * capacity)
      let grown = Self.allocate(newCapacity)
      grown.update(from: base, count: capacity)
      base.deallocate()
      (base, capacity) = (grown, newCapacity)
    }
    if scratchCount > scratchCapacity {
      scratch.deallocate()
      (scratch, scratchCapacity) = (Self.allocate(scratchCount), scratchCount)
    }
  }

  /// The numbers at `offset ..< offset + count`.
  package func read(_ offset: Int, _ count: Int) -> [Double] {
    check(offset, count)
    return Array(UnsafeBufferPointer(start: base + offset, count: count))
  }

  /// Writes `numbers` from `offset` on.
  package func write(_ numbers: [Double], at offset: Int) {
    check(offset, numbers.count)
    numbers.withUnsafeBufferPointer {
      if let start = $0.baseAddress { (base + offset).update(from: start, count: $0.count) }
    }
  }

  /// Runs `kernel` on operands that lie in this block.
  ///
  /// The caller keeps to what `KernelCall` demands about overlap; bounds are checked here.
  @inline(__always)
  func execute(_ kernel: Kernel, result: Slot, _ a: Slot, _ b: Slot, _ c: Slot) {
    func operand(_ slot: Slot) -> Operand {
      check(slot.offset, slot.shape.count)
      return Operand(base: base + slot.offset, shape: slot.shape.extent)
    }
    check(result.offset, result.shape.count)
    kernel.run(
      KernelCall(
        result: base + result.offset, shape: result.shape.extent, a: operand(a), b: operand(b),
        c: operand(c), scratch: scratch))
  }

  @inline(__always)
  func check(_ offset: Int, _ count: Int) {
    precondition(offset >= 0 && count <= capacity - offset, "outside of storage")
  }
}

// MARK: - Blocks as a whole

extension Storage {
  /// Adds the numbers of `other` in `range` to those in the same places.
  package func add(_ other: Storage, _ range: Range<Int>) {
    check(range.lowerBound, range.count)
    other.check(range.lowerBound, range.count)
    for i in range { base[i] += other.base[i] }
  }

  /// Multiplies the first `count` numbers by `factor`.
  package func scale(_ count: Int, by factor: Double) {
    check(0, count)
    for i in 0..<count { base[i] *= factor }
  }

  /// The numbers from `offset` on as matrices, one behind the other.
  package func matrices(_ shapes: [Shape], at offset: Int) -> [Matrix] {
    var offset = offset
    return shapes.map { shape in
      defer { offset += shape.count }
      return Matrix(shape, read(offset, shape.count))
    }
  }

  /// Sets the numbers in `range` to zero.
  package func clear(_ range: Range<Int>) {
    check(range.lowerBound, range.count)
    (base + range.lowerBound).update(repeating: 0, count: range.count)
  }
}

/// Where a matrix lies: in a block of storage, from an offset on.
struct Slot: Sendable {
  /// Of a program: 0 for the workspace's own block, 1 + *i* for that of input *i*.
  var space: Int32 = 0
  /// Whether it holds one strip of rows, in which each is written over the one before.
  var isLocal = false
  var offset: Int
  let shape: Shape
}
