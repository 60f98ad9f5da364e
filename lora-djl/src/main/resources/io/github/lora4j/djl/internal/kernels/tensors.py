# Placing weights: storage types that DJL's own calls cannot carry (bf16) only ever move inside kernels.
# dtype codes are c10::ScalarType: 4 int64, 5 fp16, 6 fp32, 15 bf16.

def map_file(self: __torch__.K, path: str, elements: int, dtype: int) -> Tensor:
  # private mapping: nothing written here could ever reach the file
  return torch.from_file(path, False, elements, dtype=dtype, layout=None, device=torch.device("cpu"), pin_memory=False)

def slice_of(self: __torch__.K, flat: Tensor, start: int, shape: List[int]) -> Tensor:
  elements = 1
  for size in shape:
    elements = elements * size
  return flat.narrow(0, start, elements).view(shape)

def place(self: __torch__.K, x: Tensor, device: str, dtype: int) -> Tensor:
  return x.to(torch.device(device), dtype)

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
