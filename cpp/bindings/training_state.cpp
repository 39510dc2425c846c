#include "bindings/training_state.h"

#include <type_traits>

#include "core/error.h"

namespace digitnet::bindings {

py::dict state_to_dict(const train::State& state) {
  py::dict result;
  train::each_field(state, [&](const char* name, const auto& field) {
    using Field = std::decay_t<decltype(field)>;
    if constexpr (std::is_arithmetic_v<Field>)
      result[name] = field;
    else
      result[name] = to_array(Field(field));
  });
  return result;
}

train::State state_from_dict(const py::dict& values) {
  train::State state;
  train::each_field(state, [&](const char* name, auto& field) {
    using Field = std::decay_t<decltype(field)>;
    require_data(values.contains(name), "state.", name,
                 ": expected a value, got none");
    try {
      if constexpr (std::is_arithmetic_v<Field>) {
        field = values[name].cast<Field>();
      } else {
        using T = typename Field::value_type;
        const py::array_t<T> array = values[name].cast<py::array_t<T>>();
        require_data(array.ndim() == 1, "state.", name,
                     ": expected one dimension, got ", array.ndim());
        field.assign(array.data(), array.data() + array.size());
      }
    } catch (const py::cast_error&) {
      throw DataError(
          join("state.", name, ": expected numbers, got ",
               py::repr(values[name]).cast<std::string>().substr(0, 60)));
    }
  });
  return state;
}

}  // namespace digitnet::bindings
