# Two of CAF's files define the same names and cannot share a unity build's translation unit.
cmake_language(DEFER CALL set_property SOURCE libcaf_core/src/binary_serializer.cpp
  DIRECTORY libcaf_core PROPERTY SKIP_UNITY_BUILD_INCLUSION ON)
cmake_language(DEFER CALL set_property SOURCE libcaf_io/src/io/network/native_socket.cpp
  DIRECTORY libcaf_io PROPERTY SKIP_UNITY_BUILD_INCLUSION ON)
