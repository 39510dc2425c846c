# Writes OUTPUT, core_id.h: a hash of HEADERS, by which the core and a LibTorch engine
# know that their classes have one layout.
set(all "")
foreach(header IN LISTS HEADERS)
  file(SHA256 "${header}" hash)
  string(APPEND all "${hash};")
endforeach()
string(SHA256 hash "${all}")
string(SUBSTRING "${hash}" 0 16 hash)
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "#define DIGITNET_CORE_ID \"@hash@\"\n" @ONLY)
