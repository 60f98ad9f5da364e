# Placing weights: storage types that DJL's own calls cannot carry (bf16) only ever move inside kernels.
# dtype codes are c10::ScalarType: 1 int8, 4 int64, 5 fp16, 6 fp32, 15 bf16.

# An operation that is shared out among the threads of the CPU.
def large_operation(self: __torch__.K) -> bool:
  torch.zeros([262144], dtype=6, layout=None, device=torch.device("cpu")).add_(1.0)
  return True

def map_file(self: __torch__.K, path: str, elements: int, dtype: int) -> Tensor:
  # private mapping: nothing written here could ever reach the file
  return torch.from_file(path, False, elements, dtype=dtype, layout=None, device=torch.device("cpu"), pin_memory=False)

def slice_of(self: __torch__.K, flat: Tensor, start: int, shape: List[int]) -> Tensor:
  elements = 1
  for size in shape:
    elements = elements * size
  return flat.narrow(0, start, elements).view(shape)

# Neighbouring slices of a flat tensor, all of it. dims: number of dimensions of each; shapes: their sizes, one after the other.
def slices_of(self: __torch__.K, flat: Tensor, dims: List[int], shapes: List[int]) -> List[Tensor]:
  slices = annotate(List[Tensor], [])
  start = 0
  at = 0
  for count in dims:
    shape = annotate(List[int], [])
    elements = 1
    last = at + count
    while at < last:
      shape.append(shapes[at])
      elements = elements * shapes[at]
      at = at + 1
    slices.append(flat.narrow(0, start, elements).view(shape))
    start = start + elements
  return slices

def empty(self: __torch__.K, shape: List[int], device: str, dtype: int) -> Tensor:
  return torch.empty(shape, dtype=dtype, layout=None, device=torch.device(device))

# A piece of a tensor, converted to the type of the whole before it moves to its device. start: in elements.
def place(self: __torch__.K, whole: Tensor, piece: Tensor, start: int) -> Tensor:
  return whole.view([-1]).narrow(0, start, piece.numel()).copy_(piece.view([-1]).to(whole.dtype))

# Rows in any floating type to int8 and one scale each, a few at a time, so that they stay in the processor's cache. A scale is the largest
# magnitude / 127 in fp32, rounded to bf16, so that layers that compute in bf16 lose nothing by it; as that is off by 1/256 at most, the largest
# of a row still rounds to 127. A row of zeros has a tiny scale; one that is not finite has a scale that is not.
def place_int8(self: __torch__.K, values: Tensor, scales: Tensor, piece: Tensor, start: int) -> Tensor:
  n = piece.size(0)
  few = max(1, 262144 // piece.size(1))
  at = 0
  while at < n:
    count = min(few, n - at)
    rows = piece.narrow(0, at, count).to(6)
    low, high = torch.aminmax(rows, dim=1, keepdim=True)
    scale = torch.maximum(high, low.neg()).div_(127.0).clamp_min_(1e-30).to(15).to(6)
    scales.narrow(0, start + at, count).copy_(scale.view([-1]))
    values.narrow(0, start + at, count).copy_(torch.div(rows, scale).round_())
    at = at + count
  return values

# The same memory, rows for columns.
def transposed(self: __torch__.K, x: Tensor) -> Tensor:
  return x.t()

def convert(self: __torch__.K, x: Tensor, dtype: int) -> Tensor:
  return x.to(dtype)

def rows_of(self: __torch__.K, x: Tensor, start: int, count: int) -> Tensor:
  return x.narrow(0, start, count)

def select_rows(self: __torch__.K, x: Tensor, rows: Tensor) -> Tensor:
  return torch.index_select(x, 0, rows)

def scatter_rows(self: __torch__.K, x: Tensor, rows: Tensor, count: int) -> Tensor:
  out = torch.zeros([count, x.size(1)], dtype=x.dtype, layout=None, device=x.device)
  return out.index_copy_(0, rows, x)

# Adds up rows of x, (M, D), that belong to the same of U states, in fp32. They come in rounds: the first has a row for every state, and none has
# two for one, so that the order of adding, and with it the result, does not depend on threads.
def sum_rounds(self: __torch__.K, x: Tensor, states: Tensor, rounds: List[int]) -> Tensor:
  sums = torch.zeros([rounds[0], x.size(1)], dtype=6, layout=None, device=x.device)
  start = 0
  for count in rounds:
    sums.index_add_(0, states.narrow(0, start, count), x.narrow(0, start, count).to(6))
    start = start + count
  return sums.to(x.dtype)

def join_rows(self: __torch__.K, parts: List[Tensor]) -> Tensor:
  return torch.cat(parts, 0)

def add(self: __torch__.K, x: Tensor, y: Tensor) -> Tensor:
  return torch.add(x, y)

def add_in_place(self: __torch__.K, x: Tensor, y: Tensor) -> Tensor:
  return x.add_(y)

def add_scaled(self: __torch__.K, y: Tensor, x: Tensor, scale: float) -> Tensor:
  return torch.add(y, x, alpha=scale)

def multiply(self: __torch__.K, x: Tensor, y: Tensor) -> Tensor:
  return torch.mul(x, y)

def mat_mul(self: __torch__.K, x: Tensor, transpose_x: bool, y: Tensor, transpose_y: bool) -> Tensor:
  if transpose_x:
    x = x.t()
  if transpose_y:
    y = y.t()
  return torch.mm(x, y)

def bits(self: __torch__.K, x: Tensor) -> Tensor:
  # exact in fp32 for every storage type that a base may have
  return x.to(6)

def zeros(self: __torch__.K, shape: List[int], device: str, dtype: int) -> Tensor:
  return torch.zeros(shape, dtype=dtype, layout=None, device=torch.device(device))

def copy_into(self: __torch__.K, target: Tensor, source: Tensor) -> Tensor:
  return target.copy_(source)

def fill_one(self: __torch__.K, x: Tensor) -> Tensor:
  return x.fill_(1.0)

def copy_of(self: __torch__.K, x: Tensor) -> Tensor:
  return x.clone()

def multiply_in_place(self: __torch__.K, x: Tensor, y: Tensor) -> Tensor:
  return x.mul_(y)
