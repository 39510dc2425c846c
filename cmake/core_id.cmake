# Writes OUTPUT, core_id.h: a hash of SOURCES, by which the core and a LibTorch engine
# know that they were compiled from the same.
set(all "")
foreach(source IN LISTS SOURCES)
  file(SHA256 "${source}" hash)
  string(APPEND all "${hash};")
endforeach()
string(SHA256 hash "${all}")
string(SUBSTRING "${hash}" 0 16 hash)
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "#define DIGITNET_CORE_ID \"@hash@\"\n" @ONLY)
