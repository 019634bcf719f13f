require "set"
require_relative "./base"
autoload :Later, "later"

LIMIT = 3

# Shapes.
module Geometry
  # A shape.
  #
  # More.
  class Shape < Base
    include Comparable
    extend Lib::Tools
    attr_accessor :name, :size

    SIDES = [1].freeze
    @@count = 0

    # Makes it.
    def initialize(name, size: 1, *rest, **options, &block)
      @name = name
      @size ||= size
    end

    # Measures it.
    def area(scale = 1.0)
      total = helper(scale)
      points.each do |point, (a, b)|
        total += point.x
      end
      list.map { |each| each * 2 }
      f = ->(z) { z }
      begin
        run
      rescue Failed => error
        warn(error)
      end
      for i in 1..3 do puts i end
      Point.new(1).draw
      first, *others = pair
      total
    end

    def self.create(...) = new(...)

    class << self
      def build; end
    end

    def ==(other)
      other&.name == name
    end

    def name=(value)
      @name = value
    end
    alias_method :measure, :area
    alias size2 size
    private

    def hidden
    end
  end
  class Geometry::Other < Lib::Base; end
  Pair = Struct.new(:left, :right)
end

def helper(x)
  x
end
