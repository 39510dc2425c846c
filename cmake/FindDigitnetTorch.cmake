# Finds LibTorch inside the Python package `torch`, by asking that Python.
#
# find_package(Torch) is not used: with a CUDA wheel it demands a CUDA toolkit.
# Only libc10 and libtorch_cpu are linked, so that one library serves the CPU and
# the CUDA wheel of one torch version.
#
# Needs: Python_EXECUTABLE. Gives: target digitnet_torch, DIGITNET_TORCH_VERSION,
# DIGITNET_TORCH_MINOR ("2.13").

execute_process(
  COMMAND "${Python_EXECUTABLE}" -c "
import importlib.util, pathlib
folder = pathlib.Path(importlib.util.find_spec('torch').origin).parent
scope = {}
exec((folder / 'version.py').read_text(), scope)
print(scope['__version__'], folder.as_posix(), sep=';', end='')"
  OUTPUT_VARIABLE _answer
  ERROR_QUIET
  RESULT_VARIABLE _failed)
if(_failed)
  set(DigitnetTorch_FOUND FALSE)
  set(DigitnetTorch_NOT_FOUND_MESSAGE
    "expected torch in ${Python_EXECUTABLE}, got none; run: ${Python_EXECUTABLE} -m pip install torch")
  return()
endif()
list(GET _answer 0 DIGITNET_TORCH_VERSION)
list(GET _answer 1 _folder)
if(DIGITNET_TORCH_VERSION VERSION_LESS 2.11)
  set(DigitnetTorch_FOUND FALSE)
  set(DigitnetTorch_NOT_FOUND_MESSAGE "expected torch 2.11 or newer, got ${DIGITNET_TORCH_VERSION}")
  return()
endif()
string(REGEX MATCH "^[0-9]+\\.[0-9]+" DIGITNET_TORCH_MINOR "${DIGITNET_TORCH_VERSION}")

add_library(digitnet_torch INTERFACE IMPORTED)
target_include_directories(digitnet_torch SYSTEM INTERFACE
  "${_folder}/include" "${_folder}/include/torch/csrc/api/include")
target_compile_definitions(digitnet_torch INTERFACE AT_PER_OPERATOR_HEADERS)
foreach(_name c10 torch_cpu)
  # Not kept from an earlier configuration: the environment may have another torch now.
  unset(_library CACHE)
  find_library(_library ${_name} PATHS "${_folder}/lib" NO_DEFAULT_PATH REQUIRED NO_CACHE)
  target_link_libraries(digitnet_torch INTERFACE "${_library}")
  unset(_library)
endforeach()
set(DigitnetTorch_FOUND TRUE)
message(STATUS "digitnet: torch ${DIGITNET_TORCH_VERSION} in ${_folder}")
