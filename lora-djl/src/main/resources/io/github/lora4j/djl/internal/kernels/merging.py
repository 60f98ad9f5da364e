# Weights that carry an adapter. weight: (out, in) with its scales if it is int8, a: (r, in), b: (out, r). A few rows at a time, so that they
# stay in the processor's cache between the steps; on a CPU so few that libtorch does not share them out among threads. Those would wait for each
# other after each step, for milliseconds where a processor is busy with something else: threads take pieces of the rows instead. A GPU has no
# such cache, and each step costs it a launch.

# What a pair makes of some rows of W in fp32, in place: the one place that knows. magnitude: (rows) of DoRA, or none; columns: m / n of the columns
# of a table, (in), or none.
def merge_rows(self: __torch__.K, rows: Tensor, a: Tensor, b: Tensor, scale: float, magnitude: List[Tensor], columns: List[Tensor]) -> Tensor:
  rows.addmm_(b, a, beta=1.0, alpha=scale)
  if len(columns) > 0:
    rows.mul_(columns[0])
  if len(magnitude) > 0:
    rows.mul_((magnitude[0] / torch.linalg_vector_norm(rows, 2, [1])).unsqueeze(1))
  return rows

def is_finite(self: __torch__.K, x: Tensor) -> bool:
  return bool(torch.all(torch.isfinite(x)))

# Whether fp32 numbers are finite also when they are stored in another type. The sum of squares is four times faster than looking at each number:
# if it is small enough, so is the largest of them, and none is NaN. Else each of what is stored is looked at.
def is_finite_stored(self: __torch__.K, rows: Tensor, stored: Tensor) -> bool:
  flat = rows.view([-1])
  most = 4.0e9 if stored.dtype == 5 else 1.0e38  # below the square of the largest number
  if float(torch.dot(flat, flat)) < most:
    return True
  return self.is_finite(stored)

# Room for the merged matrix: its values and, of int8, scales.
def merge_room(self: __torch__.K, weight: Tensor, scales: List[Tensor]) -> List[Tensor]:
  out = torch.empty(weight.size(), dtype=weight.dtype, layout=None, device=weight.device)
  if len(scales) == 0:
    return [out]
  return [out, torch.empty([weight.size(0)], dtype=6, layout=None, device=weight.device)]

# Rows first to last - 1 of the merged matrix, rounded once to the type of weight, into the room for all; whether they are finite.
def merge_pair(self: __torch__.K, room: List[Tensor], weight: Tensor, scales: List[Tensor], a: Tensor, b: Tensor, scale: float, magnitude: List[Tensor], first: int, last: int) -> bool:
  none = annotate(List[Tensor], [])
  return self.merge(room, weight, scales, a, b, scale, magnitude, none, first, last)

# The same of a table, whose pair is turned: a (r, V), b (D, r). magnitude: m and n of its columns, (D), or none.
def merge_table(self: __torch__.K, room: List[Tensor], weight: Tensor, scales: List[Tensor], a: Tensor, b: Tensor, scale: float, magnitude: List[Tensor], first: int, last: int) -> bool:
  none = annotate(List[Tensor], [])
  columns = [torch.div(magnitude[0], magnitude[1])] if len(magnitude) > 0 else none
  return self.merge(room, weight, scales, b.t(), a.t(), scale, none, columns, first, last)

def merge(self: __torch__.K, room: List[Tensor], weight: Tensor, scales: List[Tensor], a: Tensor, b: Tensor, scale: float, magnitude: List[Tensor], columns: List[Tensor], first: int, last: int) -> bool:
  width = weight.size(1)
  few = max(1, min(last - first, (8388608 if weight.is_cuda else 32768) // width))
  wide = torch.empty([few, width], dtype=6, layout=None, device=weight.device)
  finite = True
  at = first
  while at < last:
    count = min(few, last - at)
    target = room[0].narrow(0, at, count)
    rows = target if weight.dtype == 6 else wide.narrow(0, 0, count)
    if len(scales) == 0:
      rows.copy_(weight.narrow(0, at, count))
    else:
      rows.copy_(self.frozen_rows(weight, scales, at, count, 6))
    own = [magnitude[0].narrow(0, at, count)] if len(magnitude) > 0 else magnitude
    self.merge_rows(rows, a, b.narrow(0, at, count), scale, own, columns)
    if weight.dtype == 1:
      self.place_int8(room[0], room[1], rows, at)
      finite = finite and self.is_finite_stored(rows, rows)
    else:
      if weight.dtype != 6:
        target.copy_(rows)
      finite = finite and self.is_finite_stored(rows, target)
    at = at + count
  return finite

# A matrix in fp32 as whole numbers with a scale for each row. New memory.
def int8_of(self: __torch__.K, rows: Tensor) -> List[Tensor]:
  values = torch.empty(rows.size(), dtype=1, layout=None, device=rows.device)
  scales = torch.empty([rows.size(0)], dtype=6, layout=None, device=rows.device)
  self.place_int8(values, scales, rows, 0)
  return [values, scales]

# A matrix in fp32 as another one is stored: values and, of int8, scales. New memory.
def stored_as(self: __torch__.K, weight: Tensor, scales: List[Tensor], own: Tensor) -> List[Tensor]:
  if len(scales) == 0:
    values = torch.empty(own.size(), dtype=weight.dtype, layout=None, device=weight.device)
    return [values.copy_(own)]
  return self.int8_of(own.to(weight.device))

# Some elements of an array in another type, in the memory of the CPU; the array's own memory where it is all that.
def piece_of(self: __torch__.K, x: Tensor, start: int, count: int, dtype: int) -> Tensor:
  return x.contiguous().view([-1]).narrow(0, start, count).to(dtype).to(torch.device("cpu")).contiguous()

# Whether an array in fp32 is the same in another type.
def survives(self: __torch__.K, x: Tensor, dtype: int) -> bool:
  return torch.equal(x, x.to(dtype).to(x.dtype))
