// Memory of the host as tensors, and tensors in memory of their own.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>

#include <vector>

namespace digitnet::engine {

// Borrowed, to be read only.
template <class T>
at::Tensor of_host(const T* values, at::IntArrayRef sizes) {
  return at::from_blob(const_cast<T*>(values), sizes,
                       c10::CppTypeToScalarType<T>::value);
}
template <class T>
at::Tensor of_host(const std::vector<T>& values) {
  return of_host(values.data(), {static_cast<int64_t>(values.size())});
}

// The other way round, from any device.
template <class T>
std::vector<T> values_of(const at::Tensor& tensor) {
  const at::Tensor host =
      tensor.to(at::kCPU, c10::CppTypeToScalarType<T>::value).contiguous();
  const T* values = host.const_data_ptr<T>();
  return {values, values + host.numel()};
}

// A copy on the device, also where the tensor is there already.
at::Tensor copied(const at::Tensor& from, at::Device device);

}  // namespace digitnet::engine
