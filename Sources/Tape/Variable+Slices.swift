// Parts of matrices, and matrices of parts, spelled by `gather` and `scatterAdd` with fixed positions:
// derivatives follow from those. Parts are copies, taken in the time that their entries take.

extension Variable {
  /// The rows in `range`, from 0; one that is empty or beyond them stops with a message.
  public func rows(_ range: Range<Int>) -> Variable {
    block(rows: range, columns: 0..<shape.columns)
  }

  /// The columns in `range`, from 0; one that is empty or beyond them stops with a message.
  public func columns(_ range: Range<Int>) -> Variable {
    block(rows: 0..<shape.rows, columns: range)
  }

  /// The entries that lie both in some rows and in some columns, from 0.
  ///
  /// - Shapes: `[m, n] → [rows.count, columns.count]`.
  /// - Precondition: The ranges are not empty, and within the matrix; anything else stops with a message.
  public func block(rows: Range<Int>, columns: Range<Int>) -> Variable {
    if rows.isEmpty || columns.isEmpty || rows.clamped(to: 0..<shape.rows) != rows
      || columns.clamped(to: 0..<shape.columns) != columns
    {
      stop("block: rows \(rows) and columns \(columns) are empty, or not in a matrix of \(shape)")
    }
    return gather(positions(rows, columns, in: shape))
  }

  /// The same entries, counted row by row, in a shape that has as many; another stops with both shapes.
  public func reshaped(to target: Shape) -> Variable {
    if target.count != shape.count {
      stop("reshaped(to:): \(shape) has not the entries of \(target)")
    }
    return gather(positions(0..<target.rows, 0..<target.columns, in: target))
  }

  /// One entry of each row, in row *i* the one in column `columns[i]`: `[m, n] → [m, 1]`.
  ///
  /// - Precondition: There is a column for each row, in range; anything else stops with a message.
  public func pick(columns: [Int]) -> Variable {
    if columns.count != shape.rows || !columns.allSatisfy((0..<shape.columns).contains) {
      stop("pick(columns:): \(columns) are not one column of \(shape) for each row")
    }
    return gather(
      Matrix(Shape(shape.rows, 1)) { row, _ in Double(row * shape.columns + columns[row]) })
  }

  /// One entry of each row: in row *i* the one whose column stands in `columns[i]`, zero where that is −1.
  ///
  /// As an input, `columns` may change from one replay to the next. No derivative flows to it.
  ///
  /// - Shapes: `[m, n], [m, 1] → [m, 1]`.
  /// - Precondition: `columns` is `m`×1 and holds whole numbers from −1 to `n` − 1; computing the value
  ///   stops at another, as ``gather(_:)-(Variable)`` does.
  public func pick(columns: Variable) -> Variable {
    if columns.shape != Shape(shape.rows, 1) {
      stop("pick(columns:): one column for each row of \(shape), but they are \(columns.shape)")
    }
    let starts = tape.constant(Matrix(columns.shape) { row, _ in Double(row * shape.columns) })
    // A column beyond the last must not be an entry of the next row: it is sent beyond them all.
    let shift = (columns - Double(shape.columns - 1))
      .select(Double(shape.count), elseWhereNotPositive: starts)
    return gather((columns + 1).select(columns + shift, elseWhereNotPositive: columns))
  }
}

/// The matrix of the rows of each part, those of the first on top, in O(entries · log parts).
///
/// - Precondition: There is a part, and all have as many columns; anything else stops with both shapes.
public func concatenated(rows parts: [Variable]) -> Variable {
  concatenated(parts[...], "concatenated(rows:)", along: (1, 0))
}

/// The matrix of the columns of each part, those of the first on the left, in O(entries · log parts).
///
/// - Precondition: There is a part, and all have as many rows; anything else stops with both shapes.
public func concatenated(columns parts: [Variable]) -> Variable {
  concatenated(parts[...], "concatenated(columns:)", along: (0, 1))
}

private func concatenated(
  _ parts: ArraySlice<Variable>, _ name: String, along step: (rows: Int, columns: Int)
) -> Variable {
  guard let first = parts.first else { stop("\(name): there is no part") }
  if parts.count == 1 { return first }
  let middle = parts.startIndex + parts.count / 2
  let head = concatenated(parts[..<middle], name, along: step)
  let tail = concatenated(parts[middle...], name, along: step)
  let (a, b) = (head.shape, tail.shape)
  let (row, column) = (step.rows * a.rows, step.columns * a.columns)
  let whole = Shape(row + b.rows, column + b.columns)
  guard step.rows == 1 ? a.columns == b.columns : a.rows == b.rows else {
    stop("\(name): shapes do not fit: \(a) and \(b)")
  }
  let above = positions(0..<a.rows, 0..<a.columns, in: whole)
  let below = positions(row..<whole.rows, column..<whole.columns, in: whole)
  return head.scatterAdd(at: above, into: whole) + tail.scatterAdd(at: below, into: whole)
}

/// Where the entries of a block stand in a matrix of the given shape, counted row by row.
private func positions(_ rows: Range<Int>, _ columns: Range<Int>, in shape: Shape) -> Matrix {
  Matrix(Shape(rows.count, columns.count)) { row, column in
    Double((rows.lowerBound + row) * shape.columns + columns.lowerBound + column)
  }
}
