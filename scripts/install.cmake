# What `cmake --install` brings: the program, documents and example configuration, and the package `shardyard` for
# C++ programs that talk to a cluster. Destinations follow GNUInstallDirs.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/shardyard)
set(headers_dir ${CMAKE_INSTALL_INCLUDEDIR}/shardyard)

# The operator's link is small; linking it must not bring the node's libraries along.
add_library(shardyard_admin STATIC actors/admin/admin_actor.cpp actors/node/peer_links_actor.cpp
  actors/node/tls_scribe_actor.cpp net/link_table.cpp net/peer_dial.cpp net/peer_door.cpp net/peer_tls.cpp net/tcp_probe.cpp
  net/tls_context.cpp net/tls_files.cpp)
target_link_libraries(shardyard_admin PUBLIC shardyard_messages OpenSSL::SSL OpenSSL::Crypto spdlog::spdlog
  PRIVATE $<BUILD_INTERFACE:shardyard_options>)
set_target_properties(shardyard_messages PROPERTIES EXPORT_NAME messages)
set_target_properties(shardyard_admin PROPERTIES EXPORT_NAME admin)

install(TARGETS shardyard RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
install(DIRECTORY cluster-config/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/cluster-config COMPONENT program
  FILES_MATCHING PATTERN "*.toml" PATTERN "*.service" PATTERN "*.conf")
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program OPTIONAL)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)

install(TARGETS shardyard_messages shardyard_admin EXPORT shardyard
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT package)
install(DIRECTORY messages DESTINATION ${headers_dir} COMPONENT package FILES_MATCHING PATTERN "*.hpp")
install(FILES actors/admin/admin_actor.hpp DESTINATION ${headers_dir}/actors/admin COMPONENT package)
install(FILES net/tls_files.hpp DESTINATION ${headers_dir}/net COMPONENT package)
install(EXPORT shardyard NAMESPACE shardyard:: FILE shardyard-targets.cmake DESTINATION ${package_dir} COMPONENT package)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/shardyard-config.cmake.in
  ${PROJECT_BINARY_DIR}/shardyard-config.cmake INSTALL_DESTINATION ${package_dir})
# Builds of different protocols do not join each other, so a program wants the version of its cluster.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/shardyard-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/shardyard-config.cmake ${PROJECT_BINARY_DIR}/shardyard-config-version.cmake
  DESTINATION ${package_dir} COMPONENT package)
