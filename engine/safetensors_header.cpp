#include "engine/safetensors_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "engine/error.h"

namespace trady {
namespace {

struct ElementType {
  std::string_view name;
  uint64_t bytes;
};

constexpr std::array<ElementType, 17> kElementTypes = {{
    {"F64", 8},
    {"F32", 4},
    {"F16", 2},
    {"BF16", 2},
    {"C64", 8},
    {"I64", 8},
    {"U64", 8},
    {"I32", 4},
    {"U32", 4},
    {"I16", 2},
    {"U16", 2},
    {"I8", 1},
    {"U8", 1},
    {"BOOL", 1},
    {"F8_E4M3", 1},
    {"F8_E5M2", 1},
    {"F8_E8M0", 1},
}};

/// Receives the JSON event by event and refuses the first one that the format does not have, so
/// that no tree of the whole document is ever built.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderReader(const std::string& file_name, const std::string& remedy)
      : file_name_(file_name), remedy_(remedy) {}
  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(size_t) override {
    switch (place_) {
      case Place::document:
        return enter(Place::root);
      case Place::root:
        if (key_ == kSafetensorsMetadataKey) return enter(Place::metadata);
        entry_ = {};
        fields_.clear();
        return enter(Place::tensor);
      default:
        refuse("a nested object");
    }
  }

  bool end_object() override {
    if (place_ == Place::tensor) finish_tensor();
    return enter(place_ == Place::root ? Place::document : Place::root);
  }

  bool key(std::string& text) override {
    if (place_ == Place::root) {
      key_ = text;
      if (!root_keys_.insert(text).second) fail_at("is named twice");
    } else if (place_ == Place::metadata) {
      field_ = text;
      if (header_.metadata.contains(text)) {
        fail_at(concat("has the key ", quoted_tensor_name(text), " twice"));
      }
    } else {
      field_ = text;
      if (text != "dtype" && text != "shape" && text != "data_offsets") {
        fail_at(concat("has an unknown field ", quoted_tensor_name(text)));
      }
      if (!fields_.insert(text).second) fail_at(concat("has the field ", text, " twice"));
    }
    return true;
  }

  bool string(std::string& text) override {
    if (place_ == Place::metadata) {
      header_.metadata.emplace(field_, text);
    } else if (place_ == Place::tensor && field_ == "dtype") {
      entry_.dtype = text;
    } else {
      refuse("a text");
    }
    return true;
  }

  bool start_array(size_t) override {
    if (place_ == Place::tensor && field_ == "shape") return enter(Place::shape);
    if (place_ == Place::tensor && field_ == "data_offsets") {
      offsets_.clear();
      return enter(Place::offsets);
    }
    refuse("a list");
  }

  bool end_array() override { return enter(Place::tensor); }

  bool number_unsigned(uint64_t number) override {
    if (place_ == Place::shape) {
      if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        refuse(concat("the size ", number, ", which is beyond 63 bits"));
      }
      entry_.shape.push_back(static_cast<int64_t>(number));
    } else if (place_ == Place::offsets && offsets_.size() < 2) {
      offsets_.push_back(number);
    } else {
      refuse(concat("the number ", number));
    }
    return true;
  }

  bool number_integer(int64_t number) override { refuse(concat("the negative number ", number)); }
  bool number_float(double, const std::string& text) override {
    refuse(concat("the number ", text.substr(0, 40), ", which is not an integer of 64 bits"));
  }
  bool boolean(bool) override { refuse("true or false"); }
  bool null() override { refuse("null"); }
  bool binary(nlohmann::json::binary_t&) override { refuse("binary data"); }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) override {
    fail("[safetensors] ", file_name_, ": the header is not valid UTF-8 JSON at its byte ",
         position, last_seen(), "; is this a safetensors file? If so it is corrupt: ", remedy_);
  }

 private:
  enum class Place { document, root, metadata, tensor, shape, offsets };

  bool enter(Place place) {
    place_ = place;
    return true;
  }

  void finish_tensor() {
    for (const char* field : {"dtype", "shape", "data_offsets"}) {
      if (!fields_.contains(field)) fail_at(concat("has no field ", field));
    }
    if (offsets_.size() != 2) {
      fail_at(concat("has data_offsets of ", offsets_.size(), " numbers, expected 2"));
    }
    entry_.begin = offsets_[0];
    entry_.end = offsets_[1];
    header_.tensors.emplace(key_, std::move(entry_));
  }

  std::string last_seen() const {
    return root_keys_.empty() ? "" : " (in or after " + quoted_tensor_name(key_) + ")";
  }

  std::string subject() const {
    return key_ == kSafetensorsMetadataKey ? "the metadata" : "tensor " + quoted_tensor_name(key_);
  }

  [[noreturn]] void fail_at(const std::string& problem) const {
    fail("[safetensors] ", file_name_, ": ", subject(), " ", problem,
         "; the file was not written by a proper safetensors writer: ", remedy_);
  }

  [[noreturn]] void refuse(const std::string& what) const {
    switch (place_) {
      case Place::document:
        fail("[safetensors] ", file_name_, ": the header is ", what,
             ", expected an object of tensors; is this a safetensors file?");
      case Place::root:
        fail_at(concat("is ", what, ", expected an object"));
      case Place::metadata:
        fail_at(concat("has ", what, " under the key ", quoted_tensor_name(field_),
                       ", expected a text"));
      case Place::tensor:
        fail_at(concat("has ", what, " as ", field_));
      case Place::shape:
        fail_at(concat("has in its shape ", what, ", expected sizes of 0 or more"));
      case Place::offsets:
        fail_at(concat("has in its data_offsets ", what, ", expected 2 numbers of 0 or more"));
    }
    fail_at(concat("has ", what));
  }

  const std::string& file_name_;
  const std::string& remedy_;
  SafetensorsHeader header_;
  Place place_ = Place::document;
  std::string key_;    ///< of the root object: a tensor's name, or the metadata key
  std::string field_;  ///< of the object under key_
  std::set<std::string> root_keys_;
  std::set<std::string> fields_;
  SafetensorsEntry entry_;
  std::vector<uint64_t> offsets_;
};

/// Nothing if the product does not fit; a size of 0 does not hide an overflow of the others.
std::optional<uint64_t> checked_bytes(const std::vector<int64_t>& shape, uint64_t element_bytes) {
  uint64_t bytes = element_bytes;
  bool empty = false;
  for (const int64_t size : shape) {
    if (size == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(size), &bytes) ||
               bytes > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return std::nullopt;
    }
  }
  return empty ? 0 : bytes;
}

void check_entry(const std::string& where, const SafetensorsEntry& entry, uint64_t data_bytes,
                 const std::string& remedy) {
  const std::optional<uint64_t> element_bytes = safetensors_element_bytes(entry.dtype);
  if (!element_bytes) {
    fail(where, " has the unknown type ", quoted_tensor_name(entry.dtype),
         "; store it as F32, F64, F16 or BF16");
  }
  if (entry.begin > entry.end) {
    fail(where, " begins at byte ", entry.begin, " and ends before that, at ", entry.end,
         "; the file is corrupt: ", remedy);
  }
  if (entry.end > data_bytes) {
    fail(where, " ends at byte ", entry.end, " of the data, but the file holds only ", data_bytes,
         " bytes of data; the file is truncated: ", remedy);
  }
  const std::optional<uint64_t> bytes = checked_bytes(entry.shape, *element_bytes);
  if (!bytes) {
    fail(where, " has a shape too large for any file: ", shape_text(entry.shape), " of ",
         entry.dtype, ", while the file holds ", data_bytes,
         " bytes of data; the file is corrupt: ", remedy);
  }
  if (*bytes != entry.bytes()) {
    fail(where, " of shape ", shape_text(entry.shape), " and type ", entry.dtype, " needs ", *bytes,
         " bytes, but its byte range has ", entry.bytes(), "; the file is corrupt: ", remedy);
  }
}

/// Sorted by their place in the file, each tensor begins where the one before ended.
void check_ranges(const std::string& file_name, const SafetensorsHeader& header,
                  uint64_t data_bytes, const std::string& remedy) {
  using Item = std::pair<const std::string, SafetensorsEntry>;
  std::vector<const Item*> items;
  for (const Item& item : header.tensors) items.push_back(&item);
  std::stable_sort(items.begin(), items.end(), [](const Item* a, const Item* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  uint64_t expected_begin = 0;
  const Item* previous = nullptr;
  for (const Item* item : items) {
    const uint64_t begin = item->second.begin;
    if (begin != expected_begin) {
      fail("[safetensors] ", file_name, ": tensor ", quoted_tensor_name(item->first),
           " begins at byte ", begin, " of the data, ",
           begin < expected_begin ? "inside of" : "leaving a hole after",
           previous == nullptr ? std::string(" the header")
                               : " tensor " + quoted_tensor_name(previous->first),
           ", which ends at ", expected_begin,
           "; the file was not written by a proper safetensors writer: ", remedy);
    }
    expected_begin = item->second.end;
    previous = item;
  }
  if (expected_begin != data_bytes) {
    fail("[safetensors] ", file_name, ": the last tensor",
         previous == nullptr ? std::string() : " (" + quoted_tensor_name(previous->first) + ")",
         " ends at byte ", expected_begin, " of the data, but the file holds ", data_bytes,
         "; the trailing bytes belong to no tensor: ", remedy);
  }
}

}  // namespace

int64_t SafetensorsEntry::elements() const {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

std::optional<uint64_t> safetensors_element_bytes(std::string_view dtype) {
  for (const ElementType& type : kElementTypes) {
    if (type.name == dtype) return type.bytes;
  }
  return std::nullopt;
}

SafetensorsHeader parse_safetensors_header(const std::string& file_name, std::string_view json,
                                           uint64_t data_bytes, const std::string& remedy) {
  // The JSON parser would skip a byte order mark or spaces; the format allows neither here.
  if (json.empty() || json.front() != '{') {
    fail("[safetensors] ", file_name, ": the header of ", json.size(),
         " bytes does not begin with '{'; is this a safetensors file?");
  }
  // It would also take a zero byte for the end of the text and never look at what follows.
  if (const size_t zero = json.find('\0'); zero != std::string_view::npos) {
    fail("[safetensors] ", file_name, ": the header is not valid UTF-8 JSON at its byte ", zero,
         ", which is zero; is this a safetensors file? If so it is corrupt: ", remedy);
  }
  HeaderReader reader(file_name, remedy);
  nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  SafetensorsHeader header = reader.take();
  for (const auto& [name, entry] : header.tensors) {
    check_entry(concat("[safetensors] ", file_name, ": tensor ", quoted_tensor_name(name)), entry,
                data_bytes, remedy);
  }
  check_ranges(file_name, header, data_bytes, remedy);
  return header;
}

std::string quoted_tensor_name(std::string_view name) {
  constexpr size_t kLongest = 80;
  constexpr std::string_view kHexDigits = "0123456789abcdef";
  std::string text = "'";
  for (const char character : name.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte < 0x20 || byte == 0x7f) {
      text += "\\x";
      text += kHexDigits[byte >> 4];
      text += kHexDigits[byte & 15];
    } else {
      text += character;
    }
  }
  return text + (name.size() > kLongest ? "...'" : "'");
}

std::string shape_text(const std::vector<int64_t>& shape) {
  constexpr size_t kLongest = 8;
  std::string text = "[";
  for (size_t i = 0; i < std::min(shape.size(), kLongest); ++i) {
    text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return text + (shape.size() > kLongest ? ", ...]" : "]");
}

}  // namespace trady
