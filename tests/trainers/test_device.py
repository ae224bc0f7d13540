import pytest
import torch

from trainers import DeviceError, choose_device, choose_precision
from trainers.device import (
    check_threads,
    convolves_in_columns,
    cuda_settings,
    is_lost,
    processor_settings,
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
    """Containers of NVIDIA ask PyTorch for TF32 by TORCH_ALLOW_TF32_CUBLAS_OVERRIDE, which is "high"."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        with cuda_settings(deterministic=False):
            assert torch.get_float32_matmul_precision() == "highest"
            assert not torch.backends.cuda.matmul.allow_tf32
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.skipif(not hasattr(torch.backends.cuda.matmul, "fp32_precision"), reason="not in this PyTorch")
def test_what_a_program_asks_of_matrices_by_the_newer_way_stays():
    """PyTorch refuses to read by the older way what it has been told by the newer one."""
    matmul = torch.backends.cuda.matmul
    before, matmul.fp32_precision = matmul.fp32_precision, "tf32"
    try:
        with cuda_settings(deterministic=False):
            assert matmul.fp32_precision == "tf32"
        assert matmul.fp32_precision == "tf32"
    finally:
        matmul.fp32_precision = before


def test_a_device_is_lost_when_waiting_for_it_fails(monkeypatch):
    def fail(device):
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: None)
    assert not is_lost(torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "synchronize", fail)
    assert is_lost(torch.device("cuda"))
    assert not is_lost(torch.device("cpu"))
