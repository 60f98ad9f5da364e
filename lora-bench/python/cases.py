"""The cases: what is compared, what is timed, and the figures to reach. A case yields rows; one that is not in the same precision on both sides says so."""
import statistics
from dataclasses import dataclass

from safetensors.torch import load_file

import inputs
from processes import REPOSITORY, Failed, Programs
from shapes import Bloom, Llama

EXAMPLES = REPOSITORY / "lora-examples/src/main/resources/io/github/lora4j/examples"
GOLDEN = REPOSITORY / "lora-djl/src/test/resources/golden/bloom/power-of-two"
LIMIT_3B_MIB = 10 * 1024


@dataclass(frozen=True)
class Setting:
    programs: Programs
    shape: Bloom       # bloom-560m
    large: Bloom       # bloom-3b
    llama: Llama       # llama-3.2-1b
    runs: int
    squad: str | None  # a SQuAD file, for the lengths of its prompts

    @property
    def work(self):
        return self.programs.work


def beside(case, ours, theirs, time_target, memory_target=None, statistic="aboveWeightsMiB"):
    """A row of both sides: each a list of (seconds, outcome), one for each run."""
    seconds = [statistics.median(s for s, _ in side) for side in (ours, theirs)]
    row = {"table": "beside", "case": case, "seconds": seconds, "ratio": seconds[0] / seconds[1], "target": time_target}
    memory = [statistics.median(outcome[statistic] for _, outcome in side) for side in (ours, theirs)]
    return {**row, "MiB": memory, "memoryRatio": memory[0] / memory[1], "memoryTarget": memory_target}


def alone(case, figure, target):
    return {"table": "alone", "case": case, "figure": figure, "target": target}


def distance(x, y):
    """The largest difference of a tensor, by its norm in y."""
    if x.keys() != y.keys():
        raise Failed(f"different tensors: {sorted(x.keys() ^ y.keys())[:4]}")
    return max(((x[k] - y[k]).norm() / y[k].norm()).item() for k in y)


def require(case, what, found, limit):
    print(f"{case}: {what} {found:.1e}, allowed {limit:.1e}", flush=True)
    if not found <= limit:
        raise Failed("the programs do not compute the same; nothing is timed")


def loss_difference(a, b):
    return max(abs(x - y) / abs(y) for x, y in zip(a, b, strict=True))


# Training

SHORT = 5  # repetitions of steps that take seconds


def training(setting, precision, batches, rows, shared=False, shape=None, repetitions=1):
    """Rows: name -> (recompute, target of time, target of memory), all against the same runs of PEFT. Of several repetitions in a process the median counts:
    short steps are repeated, since code that runs for a second is not compiled yet."""
    programs, work, case, shape = setting.programs, setting.work, next(iter(rows)), shape or setting.shape
    model, adapter = inputs.checkpoint(work, shape, precision), inputs.adapter(work, shape)

    def job(side, recompute, repetitions, results=None, precision=precision):
        return programs.job(f"{case}-{side}", model, [adapter], precision, batches, recompute, shared, repetitions, results=results)

    files = {name: work / f"{case}-{name}.safetensors" for name in [*rows, "peft", "exact"]}
    peft = programs.theirs("peft_step", job("peft", False, 0, files["peft"]))
    if precision != "fp32":
        programs.ours("GradientStep", job("exact", True, 0, files["exact"], "fp32"))
    for name, (recompute, _, _) in rows.items():
        outcome = programs.ours("GradientStep", job("ours", recompute, 0, files[name]))
        check_gradients(name, precision, outcome, peft, files)

    sides = {name: [] for name in [*rows, "peft"]}
    for _ in range(setting.runs):
        for name, (recompute, _, _) in rows.items():
            outcome = programs.ours("GradientStep", job("ours", recompute, repetitions))
            sides[name].append((statistics.median(outcome["seconds"]), outcome))
        outcome = programs.theirs("peft_step", job("peft", False, repetitions))
        sides["peft"].append((statistics.median(outcome["seconds"]), outcome))
    for name, (_, time_target, memory_target) in rows.items():
        require(name, "losses of all batches differ by", loss_difference(sides[name][0][1]["losses"], sides["peft"][0][1]["losses"]),
                1e-6 if precision == "fp32" else 1e-3)
        yield beside(name, sides[name], sides["peft"], time_target, memory_target)


def check_gradients(name, precision, ours, peft, files):
    """fp32: both sides agree. bf16: rounding differs from place to place, so each side is held to the fp32 gradients of the same weights, and ours must
    come as close to them as PEFT's."""
    loss = loss_difference([ours["loss"]], [peft["loss"]])
    mine, theirs = load_file(files[name]), load_file(files["peft"])
    if precision == "fp32":
        require(name, "loss differs by", loss, 1e-6)
        require(name, "gradients differ by", distance(mine, theirs), 1e-4)
        return
    exact = load_file(files["exact"])
    require(name, "loss differs by", loss, 1e-3)
    require(name, "gradients are from those of fp32", distance(mine, exact), 1.25 * distance(theirs, exact))


def step_flops(shape, lengths, labels):
    """Forward and backward without recomputation, attention counted dense, no gradient below the first pair: shared formula of layers and head."""
    h, tokens = shape.hidden, sum(lengths)
    layers, head = 24 * h * h * shape.layers * tokens, 2 * shape.vocabulary * h * labels
    attention = sum(4 * t * t * h * shape.layers for t in lengths)
    return 2 * layers + 2 * head + 3 * attention - 6 * h * h * tokens


def machine(setting):
    rates = setting.programs.ours("MachineRates")
    return {"fp32": max(rates["fp32"].values()), "bf16": max(rates["bf16"].values()), "readGBs": rates["readGBs"]}


def four_by_512(setting, precision, rows):
    batch = inputs.batch(setting.shape, [512] * 4)
    made = list(training(setting, precision, [batch], rows))
    yield from made
    rate = machine(setting)[precision]
    reached = step_flops(setting.shape, [512] * 4, 4 * 511) / made[0]["seconds"][0] / 1e9
    yield alone(f"{precision}-512: share of the matrix-product rate", f"{reached:.0f} of {rate:.0f} GFLOP/s = {100 * reached / rate:.0f} %", "85 %")


def bf16_512(setting):
    return four_by_512(setting, "bf16", {"bf16-512": (False, 0.58, 0.17), "bf16-512-recomputed": (True, 0.70, 0.06)})


def fp32_512(setting):
    return four_by_512(setting, "fp32", {"fp32-512": (False, 0.62, 0.26), "fp32-512-recomputed": (True, 0.72, 0.07)})


def llama_1b(setting):
    batch = inputs.batch(setting.llama, [512] * 4)
    return training(setting, "bf16", [batch], {"llama-1b-bf16-512-recomputed": (True, 0.75, 0.15)}, shape=setting.llama)


def few_labels(setting):
    name = "fp32-128-labels-5-percent"
    return training(setting, "fp32", [inputs.batch(setting.shape, [128] * 4, 0.05)], {name: (False, 0.5, 0.3)}, repetitions=SHORT)


def squad_lengths(setting):
    lengths = inputs.squad_lengths(24, setting.squad)
    batches = [inputs.batch(setting.shape, lengths[i:i + 4]) for i in range(0, len(lengths), 4)]
    return training(setting, "bf16", batches, {"bf16-squad-lengths": (False, 0.5, 0.15)})


def shared_passage(setting, precision, target):
    batch = inputs.siblings(setting.shape, passage=150, rest=25, answer=5, rows=4)
    return training(setting, precision, [batch], {f"{precision}-shared-passage": (False, target, 0.12)}, shared=True, repetitions=SHORT)


def two_trainings(setting):
    """A thread each: two cores are all there is."""
    programs, work, case = setting.programs, setting.work, "bf16-two-trainings"
    model = inputs.checkpoint(work, setting.shape, "bf16")
    adapters = [inputs.adapter(work, setting.shape, number) for number in range(2)]
    batch = inputs.batch(setting.shape, [128] * 4)
    both = programs.job("two-ours", model, adapters, "bf16", [batch], repetitions=3)
    each = [programs.job(f"two-peft-{i}", model, [adapters[i]], "bf16", [batch], repetitions=3) for i in range(2)]
    ours, theirs = [], []
    for _ in range(setting.runs):
        a = programs.ours("TwoTrainings", both, threads=1)
        outcomes, seconds = programs.theirs_together("peft_step", each, threads=1)
        require(case, "losses differ by", loss_difference(a["losses"], [o["loss"] for o in outcomes]), 1e-3)
        ours.append((a["seconds"][0], a))
        theirs.append((seconds, {"peakMiB": sum(o["peakMiB"] for o in outcomes)}))
    yield beside(case, ours, theirs, 1.0, 0.5, "peakMiB")


def bloom_3b(setting):
    programs, work, shape = setting.programs, setting.work, setting.large
    model, adapter = inputs.checkpoint(work, shape, "bf16"), inputs.adapter(work, shape)
    batch = inputs.batch(shape, [512] * 4)
    outcome = programs.ours("GradientStep", programs.job("3b-ours", model, [adapter], "bf16", [batch], recompute=True))
    peak = outcome["peakMiB"] * 2**20 / 1e9
    yield alone("bloom-3b shape, bf16, one step of 4 x 512, recomputed", f"{outcome['firstSeconds']:.0f} s, {peak:.2f} GB resident at most", "7.5 GB")
    limited = programs.theirs_limited("peft_step", programs.job("3b-peft", model, [adapter], "bf16", [batch]), LIMIT_3B_MIB)
    said = (f"killed after {limited['seconds']:.0f} s; before: {limited['after']}" if limited["killed"]
            else f"came to its end with {limited['peakMiB']:.0f} MiB")
    yield alone(f"the same in PEFT, process limited to {LIMIT_3B_MIB / 1024:.0f} GiB resident", said, None)


# Inference

def load(setting):
    programs, work, case = setting.programs, setting.work, "load-to-first-forward"
    model = inputs.checkpoint(work, setting.shape, "bf16")
    batches = [inputs.batch(setting.shape, [16])]
    files = work / "load-ours.safetensors", work / "load-peft.safetensors"
    programs.ours("FirstForward", programs.job("load-ours", model, [], "fp32", batches, results=files[0]))
    programs.theirs("peft_load", programs.job("load-peft", model, [], "fp32", batches, results=files[1]))
    require(case, "logits in fp32 differ by", distance(*map(load_file, files)), 1e-4)
    job = programs.job("load", model, [], "bf16", batches)
    ours, theirs = [], []
    for _ in range(max(3, setting.runs)):
        read(model / "model.safetensors")
        a = programs.ours("FirstForward", job)
        b = programs.theirs("peft_load", job)
        ours.append((a["seconds"][0], a))
        theirs.append((b["seconds"][0], b))
    yield beside(f"{case}, libraries loaded already", ours, theirs, None)
    yield beside(f"{case}, from the start of the process to its end", *([(o["processSeconds"], o) for _, o in side] for side in (ours, theirs)), 0.2)


def read(file):
    """Puts a file into the page cache."""
    with open(file, "rb", buffering=0) as stream:
        while stream.read(1 << 24):
            pass


def decoding(setting, case, rows, new_tokens, precisions):
    """Precisions: of ours -> target; PEFT runs in bf16. Both are compared in fp32 first."""
    programs, work = setting.programs, setting.work
    model = inputs.checkpoint(work, setting.shape, "bf16")
    adapters = [inputs.adapter(work, setting.shape, number) for number in range(rows)]
    batches = [inputs.batch(setting.shape, [32] * rows)]
    files = work / f"{case}-ours.safetensors", work / f"{case}-peft.safetensors"
    checked = [programs.job(f"{case}-check-{i}", model, adapters, "fp32", batches, new_tokens=15, results=file) for i, file in enumerate(files)]
    a, b = programs.ours("Decode", checked[0]), programs.theirs("peft_decode", checked[1])
    require(case, "logits in fp32 differ by", distance(*map(load_file, files)), 1e-4)
    if a["tokens"] != b["tokens"]:
        raise Failed(f"{case}: the first 16 tokens differ: {a['tokens']} and {b['tokens']}")
    for precision in precisions:
        rounded = work / f"{case}-{precision}.safetensors"
        job = programs.job(f"{case}-{precision}-check", model, adapters, precision, batches, new_tokens=1, results=rounded)
        same = programs.ours("Decode", job)["tokens"][0] == a["tokens"][0]
        off = f"{100 * distance(load_file(rounded), load_file(files[0])):.2f} % of their norm" if same else "another first token is chosen"
        yield alone(f"{precision}-{case}: logits from those of fp32", off, None)
    jobs = {p: programs.job(f"{case}-{p}", model, adapters, p, batches, new_tokens=new_tokens) for p in [*precisions, "bf16"]}
    sides = {p: [] for p in [*precisions, "peft"]}
    for _ in range(setting.runs):
        for precision in precisions:
            outcome = programs.ours("Decode", jobs[precision])
            sides[precision].append((statistics.median(outcome["seconds"][8:]), outcome))
        outcome = programs.theirs("peft_decode", jobs["bf16"])
        sides["peft"].append((statistics.median(outcome["seconds"][8:]), outcome))
    for precision, target in precisions.items():
        yield beside(f"{precision}-{case}", sides[precision], sides["peft"], target)


def decode(setting, precision, target):
    made = list(decoding(setting, "decode", 1, 128, {precision: target}))
    yield from made
    if precision == "bf16":
        read_rate, shape = machine(setting)["readGBs"], setting.shape
        weights = 2 * (12 * shape.hidden**2 * shape.layers + shape.vocabulary * shape.hidden)
        reached = weights / made[-1]["seconds"][0] / 1e9
        yield alone("bf16-decode: share of the memory-read bandwidth", f"{reached:.1f} of {read_rate:.1f} GB/s = {100 * reached / read_rate:.0f} %", "55 %")


def mixed(setting):
    return decoding(setting, "16-adapters", 16, 24, {"bf16": 0.9})


def many_adapters(setting):
    programs, work, case = setting.programs, setting.work, "64-adapters"
    model = inputs.checkpoint(work, setting.shape, "bf16")
    adapters = [inputs.adapter(work, setting.shape, number) for number in range(64)]
    batches = [inputs.batch(setting.shape, [16])]
    files = work / f"{case}-ours.safetensors", work / f"{case}-peft.safetensors"
    checked = [programs.job(f"{case}-check-{i}", model, adapters[:3], "fp32", batches, results=file) for i, file in enumerate(files)]
    programs.ours("ManyAdapters", checked[0]), programs.theirs("peft_adapters", checked[1])
    require(case, "logits of the last adapter and of the merged model, in fp32, differ by", distance(*map(load_file, files)), 1e-4)
    job = programs.job(case, model, adapters, "bf16", batches)
    ours, theirs = [], []
    for _ in range(setting.runs):
        ours.append(programs.ours("ManyAdapters", job))
        theirs.append(programs.theirs("peft_adapters", job))
    for what, seconds, target in (("loading all", lambda o: sum(o["loads"]), 0.03), ("switching", lambda o: o["switch"], 0.001),
                                  ("merging one", lambda o: o["merge"], 0.1)):
        yield beside(f"{case}: {what}", *([(seconds(o), o) for o in side] for side in (ours, theirs)), target)
    later = statistics.median(o["loads"][-1] / o["loads"][0] for o in ours), statistics.median(o["loads"][-1] / o["loads"][0] for o in theirs)
    yield alone(f"{case}: time of the last load over that of the first", f"{later[0]:.2f} (PEFT: {later[1]:.2f})", "1")


# Alone

def rates(setting):
    found = machine(setting)
    yield alone("the machine: matrix products, reading memory",
                f"fp32 {found['fp32']:.0f} GFLOP/s, bf16 {found['bf16']:.0f} GFLOP/s, {found['readGBs']:.1f} GB/s", None)


def jvm(setting):
    """A model of a few kilobytes: what remains is the process."""
    programs = setting.programs
    job = programs.job("jvm", GOLDEN / "checkpoint", [], "fp32", [{"tokens": [[5, 6]], "labels": [[5, 6]]}])
    a, b = programs.ours("FirstForward", job), programs.theirs("peft_load", job)
    yield alone("a process with its libraries and a tiny model", f"{a['peakMiB']:.0f} MiB (transformers: {b['peakMiB']:.0f} MiB)", None)


def steady(setting):
    """The pages of the Java heap are touched at once: else their first use would look like growth."""
    outcome = setting.programs.ours("SteadyTraining", EXAMPLES / "base", EXAMPLES / "squad/train-v2.0.json", "2000",
                                    heap=("-Xms64m", "-Xmx64m", "-XX:+AlwaysPreTouch"))
    yield alone("2,000 steps on the embedded model: growth of resident memory after step 1,000", f"{outcome['growthMiB']:.1f} MiB", "8 MiB")


def resident_adapters(setting):
    """The pages of the Java heap are touched at once, as in steady."""
    outcome = setting.programs.ours("ResidentAdapters", EXAMPLES / "base", heap=("-Xms64m", "-Xmx64m", "-XX:+AlwaysPreTouch"))
    yield alone("10,000 adapters loaded and closed: growth of resident memory after 5,000", f"{outcome['growthMiB']:.1f} MiB", "8 MiB")
    yield alone("1,000 adapters resident: memory of each over its file", f"{outcome['residentMiBEach'] / outcome['fileMiB']:.2f}", "0.9 to 1.1")
    yield alone("loading an adapter beside 1,000 others, over the time beside none",
                f"{outcome['loadMillisAmongMany'] / outcome['loadMillisAmongFew']:.2f}", "1")


def curve(setting):
    outcome = setting.programs.ours("PrecisionCurve", EXAMPLES / "base", EXAMPLES / "squad/train-v2.0.json", "100")
    yield alone("100 losses in bf16, from those in fp32 at most", f"{100 * outcome['largestDifference']:.2f} %", "2 %")


CASES = {
    "rates": rates,
    "bf16-512": bf16_512,
    "fp32-512": fp32_512,
    "fp32-128-labels-5-percent": few_labels,
    "bf16-squad-lengths": squad_lengths,
    "fp32-shared-passage": lambda setting: shared_passage(setting, "fp32", 0.2),
    "bf16-shared-passage": lambda setting: shared_passage(setting, "bf16", 0.25),
    "load": load,
    "bf16-decode": lambda setting: decode(setting, "bf16", 0.9),
    "int8-decode": lambda setting: decode(setting, "int8", 0.6),
    "16-adapters": mixed,
    "two-trainings": two_trainings,
    "64-adapters": many_adapters,
    "3b": bloom_3b,
    "llama-1b": llama_1b,
    "jvm": jvm,
    "steady": steady,
    "resident-adapters": resident_adapters,
    "curve": curve,
}
