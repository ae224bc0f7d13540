from operator import attrgetter

import pytest
import torch

from trainers import DeviceError, choose_device, choose_precision
from trainers.device import (
    check_threads,
    convolves_in_columns,
    cuda_settings,
    is_lost,
    processor_settings,
    told_if_lost,
)

CPU = torch.device("cpu")


def have(monkeypatch, *, cuda=False, mps=False):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2 if cuda else 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_auto_takes_cuda_then_mps_then_cpu(monkeypatch, cuda, mps, expected):
    have(monkeypatch, cuda=cuda, mps=mps)
    assert choose_device("auto").type == expected


@pytest.mark.parametrize(
    "name", ["cuda", "cuda:0", "mps", "gpu", "cuda:x", "", "cpu:abc", "cpu:", "cpu:00", "cpu:\u0660"]
)
def test_what_is_not_here_is_quoted_on_one_line(monkeypatch, name):
    have(monkeypatch)
    with pytest.raises(DeviceError) as error:
        choose_device(name)
    assert repr(name) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_gpu_number_must_exist(monkeypatch):
    have(monkeypatch, cuda=True)
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(DeviceError, match="'cuda:2'"):
        choose_device("cuda:2")


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), torch.float32), ((9, 0), torch.bfloat16)])
def test_cuda_has_native_bfloat16_from_capability_8(monkeypatch, capability, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choose_precision(torch.device("cuda")) == expected


@pytest.mark.parametrize(("native", "expected"), [(False, torch.float32), (True, torch.bfloat16)])
def test_auto_on_a_processor_follows_its_instructions(monkeypatch, native, expected):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: native, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    assert choose_precision(CPU, "auto") == expected


@pytest.mark.parametrize("there", [False, True])
def test_only_bfloat16_on_a_processor_for_which_onednn_has_none_goes_by_columns(monkeypatch, there):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: there, raising=False)
    assert convolves_in_columns(CPU, torch.bfloat16) is not there
    assert not convolves_in_columns(CPU, torch.float32)
    assert not convolves_in_columns(torch.device("cuda"), torch.bfloat16)


def test_an_explicit_precision_wins_and_an_unknown_one_is_quoted():
    assert choose_precision(CPU, "float32") == torch.float32
    assert choose_precision(CPU, "bfloat16") == torch.bfloat16
    with pytest.raises(DeviceError, match="'half'"):
        choose_precision(CPU, "half")


def test_processor_settings_hold_inside_and_are_put_back():
    before = torch.get_num_threads()
    tiny = torch.tensor([1e-39])
    with processor_settings(before + 1):
        assert torch.get_num_threads() == before + 1
        assert (tiny * 1.0).item() == 0
    assert torch.get_num_threads() == before
    assert (tiny * 1.0).item() != 0


def test_threads_must_be_positive():
    assert check_threads(None) is None
    with pytest.raises(DeviceError, match="0"):
        check_threads(0)


@pytest.mark.parametrize("deterministic", [False, True])
def test_float32_is_float32_and_kernels_are_chosen_as_asked_inside_alone(monkeypatch, deterministic):
    cudnn = torch.backends.cudnn
    monkeypatch.setattr(cudnn, "allow_tf32", True)
    monkeypatch.setattr(cudnn, "deterministic", not deterministic)
    with cuda_settings(deterministic):
        assert (cudnn.allow_tf32, cudnn.deterministic) == (False, deterministic)
    assert (cudnn.allow_tf32, cudnn.deterministic) == (True, not deterministic)


def test_matrices_in_float32_are_float32_inside_alone():
    """NVIDIA's containers ask PyTorch for TF32 by TORCH_ALLOW_TF32_CUBLAS_OVERRIDE, which means "high"."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        with cuda_settings(deterministic=False):
            assert torch.get_float32_matmul_precision() == "highest"
            assert not torch.backends.cuda.matmul.allow_tf32
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision(before)


NEWER = pytest.mark.skipif(not hasattr(torch.backends, "fp32_precision"), reason="not in this PyTorch")
CUDA_SETTINGS = ("cudnn.conv", "cudnn.rnn", "cuda.matmul")


def precisions():
    """The precisions that are set, read in the newer of PyTorch's two ways."""
    owners = [attrgetter(name)(torch.backends) for name in ("cudnn", "mkldnn.matmul", *CUDA_SETTINGS)]
    return [torch.backends.fp32_precision, *(owner.fp32_precision for owner in owners)]


@pytest.fixture
def asked():
    """asked(name, precision): ask for a precision in the newer way, for the time of a test."""
    owners = []

    def ask(name, precision):
        owners.append(attrgetter(name)(torch.backends) if name else torch.backends)
        owners[0].fp32_precision = precision

    yield ask
    for owner in owners:
        owner.fp32_precision = "none"
    torch.backends.cudnn.allow_tf32 = True
    assert torch.get_float32_matmul_precision() == "highest"


@NEWER
@pytest.mark.parametrize("precision", ["ieee", "tf32"])
@pytest.mark.parametrize("name", ["", "cudnn", *CUDA_SETTINGS])
def test_float32_is_float32_inside_alone_whatever_a_program_asks_in_the_newer_way(asked, name, precision):
    """PyTorch refuses to tell in the older way what was asked for in the newer one."""
    asked(name, precision)
    before = precisions()
    with cuda_settings(deterministic=False):
        inside = [attrgetter(name)(torch.backends).fp32_precision for name in CUDA_SETTINGS]
        assert inside == ["ieee"] * 3
        assert not torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "highest"
    assert precisions() == before


@NEWER
def test_what_a_program_asks_of_everything_later_still_reaches_products_of_matrices(asked):
    with cuda_settings(deterministic=False):
        pass
    asked("", "tf32")
    assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    with cuda_settings(deterministic=False):
        pass
    torch.backends.fp32_precision = "ieee"
    assert torch.backends.cuda.matmul.fp32_precision == "ieee"


def test_a_device_is_lost_when_waiting_for_it_fails(monkeypatch):
    def fail(device):
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    assert not is_lost(torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "synchronize", fail)
    assert is_lost(torch.device("cuda"))
    assert not is_lost(torch.device("cpu"))


def test_an_error_after_which_a_device_is_lost_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr("trainers.device.is_lost", lambda device: device.type == "cuda")
    with pytest.raises(DeviceError) as error, told_if_lost(torch.device("cuda:1")):
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might")
    assert str(error.value) == (
        "device 'cuda:1' has failed and is of no use to this process any more: CUDA error: an illegal memory "
        "access was encountered; start the program again, or use another device"
    )
    with pytest.raises(RuntimeError, match="a defect"), told_if_lost(CPU):
        raise RuntimeError("a defect")
