"""Files that tools/convert_checkpoint.py must refuse because something is missing or changed."""

import random
import struct
import unittest
import zipfile

from converter_test import DEEP_TUPLE, pickle_of
from checkpoint import sources
from checkpoint.errors import CheckpointError
from networks_for_tests import small_network
from torch_writer import TorchFileTest, TorchWriter


class DamagedFiles(TorchFileTest):
    def test_truncated_files(self):
        for legacy in (False, True):
            writer, value = small_network(legacy)
            writer.write(self.source, value)
            whole = self.source.read_bytes()
            for size in (1, 9, 15, 20, 60, 300, 5000, len(whole) // 2, len(whole) - 1):
                with self.subTest(legacy=legacy, size=size):
                    self.source.write_bytes(whole[:size])
                    self.assert_refused("net.pth", "truncated")

    def test_old_files_that_begin_otherwise(self):
        for index, value, part in (
            (0, 5, "not one of torch.save"),
            (0, DEEP_TUPLE, "not one of torch.save"),
            (1, 1002, "another version than 1001"),
            (2, {"little_endian": False}, "big-endian"),
            (2, {}, "big-endian"),
            (2, None, "big-endian"),
        ):
            writer, tensors = small_network(legacy=True)
            writer.beginning[index] = value
            writer.write(self.source, tensors)
            self.assert_refused("net.pth", part)

    def test_old_files_whose_storages_do_not_fit(self):
        def write(spoil):
            writer = TorchWriter(legacy=True)
            value = {"a": writer.tensor((2,), [1.0, 2.0]), "b": writer.tensor((1,), [3.0])}
            spoil(writer)
            self.source.write_bytes(writer.legacy_bytes(value))

        write(lambda w: w.counts.update({"0": 1 << 60}))
        self.assert_refused("1152921504606846976 elements in the storage '0', expected 2")
        write(lambda w: w.counts.update({"0": -1}))
        self.assert_refused("elements in the storage '0', expected 2")
        write(lambda w: w.storages.pop("1"))
        self.assert_refused("lacks the storage '1'")
        write(lambda w: w.storages.update({"1": b""}))
        self.assert_refused("truncated: the storage '1' needs 4 bytes, but 0 are left")
        write(lambda w: w.storages.update({"1": bytes(12)}))
        self.assert_refused("8 bytes too many")
        write(lambda w: (w.storages.update({"7": b""}), w.counts.update({"7": 0})))
        self.assert_refused("storage '7' twice or without a tensor")
        for keys in (None, [1], {"0": 1}):
            write(lambda w: None)
            content = self.source.read_bytes()
            listed = pickle_of(["0", "1"])
            self.source.write_bytes(content.replace(listed, pickle_of(keys)))
            self.assert_refused("no list of storage keys")

    def test_archives_whose_entries_do_not_fit(self):
        def write(spoil):
            writer = TorchWriter()
            value = {"a": writer.tensor((2,), [1.0, 2.0]), "b": writer.tensor((1,), [3.0])}
            spoil(writer)
            writer.write(self.source, value)

        write(lambda w: w.storages.pop("1"))
        self.assert_refused("no entry 'net/data/1'")
        write(lambda w: w.storages.update({"1": bytes(5)}))
        self.assert_refused("5 bytes in the entry 'net/data/1'", "need 4")
        write(lambda w: w.entries.update({"byteorder": b"big"}))
        self.assert_refused("big-endian")
        write(lambda w: w.entries.update({"code/__torch__.py": b""}))
        self.assert_refused("TorchScript", "state_dict()")
        write(lambda w: w.entries.update({"../evil": b""}))
        self.assert_refused("unexpected entry '../evil'")

    def test_storages_that_are_compressed_or_damaged(self):
        writer, value = small_network()
        writer.write(self.source, value)
        with zipfile.ZipFile(self.source) as archive:
            entries = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(self.source, "w") as archive:
            for name, data in entries.items():
                packed = name == "net/data/0"
                how = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
                archive.writestr(name, data, compress_type=how)
        self.assert_refused("'net/data/0' is compressed")
        writer.write(self.source, value)
        content = bytearray(self.source.read_bytes())
        content[content.index(writer.storages["0"]) + 5] ^= 1
        self.source.write_bytes(content)
        self.assert_refused("CRC")

    def test_safetensors_that_are_damaged(self):
        good = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'

        def write(header, data=bytes(8), size=None):
            self.source.write_bytes(struct.pack("<Q", size or len(header)) + header + data)

        for header, part in (
            (good[:-1], "not JSON"),
            (b'{"a":' + b"[" * 100_000, "nested too deeply"),
            (b'{"\xff":1}', "not JSON"),
            (b'{"a":5}', "tensor 'a' in a way that is not understood"),
            (good.replace(b"F32", b"F8_E4M3"), "not understood"),
            (good.replace(b"[2]", b'"2"'), "not understood"),
            (good.replace(b"[2]", b"[3]"), "storage of 2 elements, which is too small"),
            (good.replace(b"[2]", b"[1]"), "tensor 'a' of shape [1]"),
            (good.replace(b"[2]", b"[-2]"), "not a size"),
            (good.replace(b"[2]", b"[2.0]"), "not a size"),
            (good.replace(b"[2]", b"[" + b"1," * 50 + b"2]"), "at most 8"),
            (good.replace(b"[0,8]", b"[0,8.0]"), "not understood"),
            (good.replace(b"[0,8]", b"[4,12]"), "hole or an overlap at byte 0"),
            (good.replace(b"[0,8]", b"[-8,0]"), "bytes -8 to 0"),
            (good[:-1] + b"," + good[1:], "something twice"),
            (good[:-1] + b',"b":' + good[5:], "hole or an overlap at byte 8"),
        ):
            with self.subTest(header[:80]):
                write(header)
                self.assert_refused("net.pth", part)
        write(good, size=len(good) + 100)
        self.assert_refused("truncated", "header needs")
        for data in (bytes(7), bytes(9)):
            write(good, data)
            self.assert_refused("tensors of 8 bytes", f"{len(data)} bytes of data")
        write(good)
        self.assert_refused("differs from", "1 unexpected: 'a' [2]")

    def test_files_with_a_few_bytes_changed_are_converted_or_refused(self):
        """No other exception than CheckpointError, whatever byte is wrong."""
        for legacy in (False, True):
            writer = TorchWriter(legacy)
            tensors = {f"layer.{i}": writer.tensor((i, 2), [0.5] * 2 * i) for i in range(4)}
            writer.write(self.source, {"state_dict": tensors})
            whole = self.source.read_bytes()
            numbers = random.Random(5)
            for _ in range(400):
                content = bytearray(whole)
                for _ in range(numbers.choice((1, 1, 3))):
                    content[numbers.randrange(len(content))] = numbers.randrange(256)
                self.source.write_bytes(content)
                with self.assertRaises(CheckpointError):
                    sources.read(self.source)


if __name__ == "__main__":
    unittest.main()
